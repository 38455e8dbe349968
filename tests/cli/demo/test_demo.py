"""The demo in a terminal, with `--once` beside it, and what they leave."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psutil
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from activities.netbox.client import NetBox
from tests.support.cli.demo_terminal import (
    COMMAND,
    STARTER,
    Terminal,
    environment,
    find_processes,
    parse_fabrics,
    read_exports,
    terminal,
)

pytestmark = pytest.mark.server

EXPECTED = {
    "berlin-dc1": ("in_sync", 0),
    "oslo-dc2": ("out_of_sync", 3),
    "lyon-edge": ("error", None),
}
START_SECONDS = 500
"""The very first start installs NetBox; any takes minutes on a busy machine, as it is all computing."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which demos are started."""
    return tmp_path_factory.mktemp("clone")


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for a demo's temporary files, which PostgreSQL's user can reach."""
    with TemporaryDirectory(prefix="demo-") as path:
        Path(path).chmod(0o711)
        yield Path(path)


class Visit:
    """A demo in a terminal, with the settings that a second terminal gets."""

    def __init__(self, demo: Terminal, folder: Path, temporary: Path) -> None:
        self.demo, self.temporary, self.env_file = demo, temporary, folder / ".demo.env"
        wait_until(self._table_is_shown, START_SECONDS)
        self.variables = read_exports(self.env_file, temporary)

    def _table_is_shown(self) -> bool:
        assert self.demo.process.poll() is None, self.demo.screen
        return "Ctrl-C ends" in self.demo.screen

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the second terminal."""
        return subprocess.run(
            command,
            env=self.variables,
            cwd=STARTER.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    def records(self) -> dict[str, dict[str, Any]]:
        """Return the custom fields of the fabrics in NetBox by name."""
        url, token = (self.variables[f"FABRIC_SYNC_NETBOX_{name}"] for name in ("URL", "TOKEN"))
        netbox = NetBox(url, token, connect_timeout=5, timeout=60)
        records = {row["name"]: row["custom_fields"] for row in netbox.list_records()}
        netbox.close()
        return records


@pytest.fixture(scope="module")
def visit(folder: Path) -> Iterator[Visit]:
    with TemporaryDirectory(prefix="demo-") as path:
        Path(path).chmod(0o711)
        with terminal(folder, Path(path)) as demo:
            yield Visit(demo, folder, Path(path))


def wait_until(is_ready: Callable[[], object], seconds: float) -> None:
    retrying = Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_fixed(0.2),
        retry=retry_if_result(lambda done: not done),
    )
    retrying(is_ready)


def test_netbox_shows_one_fabric_in_sync_one_drifted_and_one_in_error(visit: Visit) -> None:
    wait_until(lambda: all(record["hh_last_sync"] for record in visit.records().values()), 600)
    records = visit.records()
    outcomes = {
        name: (record["hh_sync_status"]["value"], record["hh_drift_count"])
        for name, record in records.items()
    }
    assert outcomes == EXPECTED
    assert "refused the connection" in records["lyon-edge"]["hh_sync_error"]
    assert [entry["name"] for entry in records["oslo-dc2"]["hh_drift"]] == [
        "gpu-loan-01",
        "research",
        "research-storage--nfs-01",
    ]


def test_terminal_shows_addresses_and_commands(visit: Visit) -> None:
    screen = visit.demo.screen
    for name in ("NETBOX_PASSWORD", "TEMPORAL_UI_URL", "FABRIC_SYNC_NETBOX_URL"):
        assert visit.variables[name] in screen, name
    for text in ("source .demo.env", "python starter.py sync", "temporal workflow", *EXPECTED):
        assert text in screen, text


def test_settings_are_readable_by_their_owner_only(visit: Visit) -> None:
    assert visit.env_file.stat().st_mode & 0o777 == 0o600


def test_no_command_line_contains_a_secret(visit: Visit) -> None:
    secrets = {visit.variables[name] for name in ("FABRIC_SYNC_NETBOX_TOKEN", "NETBOX_PASSWORD")}
    processes = find_processes(visit.temporary)
    assert len(processes) > 5
    arguments = {argument for process in processes for argument in process.info["cmdline"]}
    assert not [argument for argument in arguments for secret in secrets if secret in argument]


def test_second_terminal_shows_and_syncs_the_fabrics(visit: Visit) -> None:
    statuses: list[subprocess.CompletedProcess[str]] = []

    def is_settled() -> bool:
        statuses.append(visit.run("python", "starter.py", "status", "--json"))
        return "syncing" not in {status for status, _ in outcomes_in(statuses[-1].stdout).values()}

    wait_until(is_settled, 60)
    assert statuses[-1].returncode == 1  # there is drift
    assert outcomes_in(statuses[-1].stdout) == EXPECTED
    synced = visit.run("python", "starter.py", "sync", "berlin-dc1")
    assert (synced.returncode, "in_sync" in synced.stdout) == (0, True), synced.stderr
    loops = visit.run("temporal", "workflow", "list")
    assert all(f"fabric-sync/{name}" in loops.stdout for name in EXPECTED)


def test_second_terminal_shows_the_stuck_switch_and_the_swapped_cables(visit: Visit) -> None:
    def get_health() -> dict[str, Any]:
        status = visit.run("python", "starter.py", "status", "oslo-dc2", "--json")
        return parse_fabrics(status.stdout)["oslo-dc2"]

    def find_swapped() -> list[dict[str, Any]]:
        listed = visit.run("python", "starter.py", "inventory", "oslo-dc2", "--cabling", "--json")
        return json.loads(listed.stdout)["cabling"] or []

    wait_until(lambda: get_health()["health"] == "degraded", 300)
    assert "leaf-03" in get_health()["health_message"]
    wait_until(find_swapped, 300)
    assert [finding["type"] for finding in find_swapped()] == ["swapped"]


def test_next_sync_finds_a_push_to_git(visit: Visit, tmp_path: Path) -> None:
    repository = visit.records()["oslo-dc2"]["hh_git_repository"]
    git(tmp_path, "clone", "--quiet", repository, "fabrics")
    research = tmp_path / "fabrics/oslo-dc2/vpcs/research.yaml"
    research.write_text(research.read_text().replace("vlan: 1100", "vlan: 1140"))
    git(tmp_path / "fabrics", "commit", "--quiet", "--all", "--message=Keep the VLAN in use")
    git(tmp_path / "fabrics", "push", "--quiet")
    synced = visit.run("python", "starter.py", "sync", "oslo-dc2", "--json")
    report = json.loads(synced.stdout)["report"]
    assert (report["sync_status"], report["drift_count"]) == ("out_of_sync", 2)


def git(folder: Path, *arguments: str) -> None:
    author = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")
    subprocess.run(["git", *author, *arguments], cwd=folder, check=True)


def test_once_prints_its_status_beside_another_demo_and_leaves_nothing(
    visit: Visit, folder: Path, temporary: Path
) -> None:
    once = run_once(folder, temporary)
    assert once.returncode == 0, once.stderr
    assert outcomes_in(once.stdout) == EXPECTED
    assert "refused the connection" in parse_fabrics(once.stdout)["lyon-edge"]["sync_error"]
    health = {name: fabric["health"] for name, fabric in parse_fabrics(once.stdout).items()}
    assert health.pop("oslo-dc2") in {"progressing", "degraded"}
    assert health == {"berlin-dc1": "healthy", "lyon-edge": "unknown"}
    assert "Waiting for the first sync" in once.stderr
    assert_nothing_is_left(temporary)
    assert list(folder.iterdir()) == [visit.env_file]


def test_ctrl_c_stops_everything(visit: Visit) -> None:
    assert visit.demo.press_ctrl_c() == 0
    assert "Traceback" not in visit.demo.screen
    assert not visit.env_file.exists()
    assert_nothing_is_left(visit.temporary)


def test_ctrl_c_during_the_start_stops_everything(folder: Path, temporary: Path) -> None:
    with terminal(folder, temporary) as demo:
        wait_until(lambda: "temporal" in names_of(temporary), 60)
        assert demo.press_ctrl_c() == 0
    assert "Traceback" not in demo.screen
    assert find_processes(temporary) == []
    assert list(folder.glob(".demo*")) == []


def names_of(temporary: Path) -> set[str]:
    """Return the names of running programs, of those that have a command line."""
    commands = [process.info["cmdline"] for process in find_processes(temporary)]
    return {Path(command[0]).name for command in commands if command}


@pytest.mark.soak
def test_death_of_the_worker_ends_a_whole_demo_with_an_error(folder: Path, temporary: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "--once"],
        cwd=folder,
        env=environment(temporary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        wait_until(lambda: workers_of(temporary) or demo.poll() is not None, START_SECONDS)
        assert demo.poll() is None, demo.communicate()[1]
        workers_of(temporary)[0].kill()  # any of them: they end together
        out, err = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert out == ""
    assert "starter.py: Worker ended with exit code" in err
    assert "Traceback" not in err
    assert_nothing_is_left(temporary)
    assert list(folder.glob(".demo*")) == []


def workers_of(temporary: Path) -> list[psutil.Process]:
    """Return the worker's processes, without the one that guards them."""
    script = str(STARTER.with_name("worker.py"))
    return [p for p in find_processes(temporary) if p.info["cmdline"][1:] == [script]]


def run_once(folder: Path, temporary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--once"],
        cwd=folder,
        env=environment(temporary),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )


def outcomes_in(output: str) -> dict[str, tuple[str, int | None]]:
    """Return status and drift by fabric from the JSON on the last line of `output`."""
    fabrics = parse_fabrics(output).items()
    return {name: (fabric["sync_status"], fabric["drift_count"]) for name, fabric in fabrics}


def assert_nothing_is_left(temporary: Path) -> None:
    assert find_processes(temporary) == []
    assert list(temporary.iterdir()) == []
