"""No process outlives its supervisor, however the supervisor ends."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from stack.processes.supervisor import StackError, Supervisor
from tests.support.paths import PROJECT

# A command that detaches a child and prints both process ids.
FAMILY = """
import os, signal, subprocess
{preparation}
child = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(os.getpid(), child.pid, flush=True)
signal.pause()
"""
OBEDIENT = FAMILY.format(preparation="")
STUBBORN = FAMILY.format(preparation="signal.signal(signal.SIGTERM, signal.SIG_IGN)")

# A parent that starts the family through a supervisor and then waits.
PARENT = f"""
import signal, sys
from pathlib import Path
from stack.processes.supervisor import Supervisor
Supervisor(Path(sys.argv[1])).start("Family", [sys.executable, "-c", '''{OBEDIENT}'''])
signal.pause()
"""


def wait_until(condition: Callable[[], bool]) -> None:
    until_true = retry_if_result(lambda is_met: not is_met)
    Retrying(retry=until_true, wait=wait_fixed(0.02), stop=stop_after_delay(30))(condition)


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, grace_seconds=0.5)
    yield supervisor
    supervisor.close()


def start_family(supervisor: Supervisor, program: str) -> list[psutil.Process]:
    """Start the program; return its process and the one that it detached."""
    service = supervisor.start("Family", [sys.executable, "-c", program])
    service.wait_until(lambda: service.log.read_text().endswith("\n"), timeout_seconds=30)
    return family_in(service.log)


def family_in(log: Path) -> list[psutil.Process]:
    return [psutil.Process(int(pid)) for pid in log.read_text().split()]


@pytest.mark.parametrize("program", [OBEDIENT, STUBBORN], ids=["obedient", "stubborn"])
def test_close_ends_the_command_and_its_detached_child(
    supervisor: Supervisor, program: str
) -> None:
    family = start_family(supervisor, program)
    assert [process.is_running() for process in family] == [True, True]

    supervisor.close()

    assert [process.is_running() for process in family] == [False, False]


def test_detached_child_ends_with_its_command(supervisor: Supervisor) -> None:
    command, detached = start_family(supervisor, OBEDIENT)

    command.kill()

    psutil.wait_procs([detached], timeout=30)
    assert not detached.is_running()


def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    log = tmp_path / "family.log"
    with subprocess.Popen([sys.executable, "-c", PARENT, tmp_path], cwd=PROJECT) as parent:
        wait_until(lambda: log.exists() and log.read_text().endswith("\n"))
        family = family_in(log)
        parent.kill()

    psutil.wait_procs(family, timeout=30)
    assert [process.is_running() for process in family] == [False, False]


def test_service_that_ends_while_starting_is_an_error_with_its_log(
    supervisor: Supervisor,
) -> None:
    service = supervisor.start("Broken", ["sh", "-c", "echo no such database; exit 3"])

    with pytest.raises(StackError, match=r"(?s)Broken ended with exit code 3.*no such database"):
        service.wait_until(lambda: False, timeout_seconds=30)


def test_service_that_never_becomes_ready_is_an_error(supervisor: Supervisor) -> None:
    service = supervisor.start("Silent", ["sleep", "600"])

    with pytest.raises(StackError, match="Silent did not answer within 0 s"):
        service.wait_until(lambda: False, timeout_seconds=0.1)


def test_run_passes_on_each_line_and_logs_it(supervisor: Supervisor) -> None:
    lines: list[str] = []

    supervisor.run("Counting", ["sh", "-c", "echo one; echo two >&2"], on_line=lines.append)

    assert lines == ["one", "two"]
    assert (supervisor.log_dir / "counting.log").read_text() == "one\ntwo\n"


def test_failed_run_is_an_error_with_the_end_of_the_output(supervisor: Supervisor) -> None:
    with pytest.raises(StackError, match=r"(?s)Failing ended with exit code 1.*a reason"):
        supervisor.run("Failing", ["sh", "-c", "echo a reason; exit 1"])


def test_closed_supervisor_starts_nothing(supervisor: Supervisor) -> None:
    supervisor.close()

    with pytest.raises(StackError, match="shutting down"):
        supervisor.start("Late", ["sleep", "600"])


def test_service_does_not_inherit_configuring_variables(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGHOST", "production.example.com")

    supervisor.run("Environment", ["env"], env={"GIVEN": "yes"})

    output = (supervisor.log_dir / "environment.log").read_text()
    assert "GIVEN=yes" in output
    assert "PGHOST" not in output


def test_processes_are_listed_by_the_name_of_their_command(supervisor: Supervisor) -> None:
    family = start_family(supervisor, OBEDIENT)
    assert {process.pid for process in supervisor.list_processes("Family")} == {
        process.pid for process in family
    }
    assert supervisor.list_processes("Other") == []
    family[0].kill()
    wait_until(lambda: not supervisor.list_processes("Family"))
