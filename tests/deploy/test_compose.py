"""The compose files are valid, hardened, and agree with the rest of the project."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fabrics.version import VERSION
from settings import Settings
from tests.support.paths import PROJECT
from workers.pulse import MAX_SILENCE_SECONDS
from workers.workflow_process import STOP_SECONDS

COMPOSE_FILE = PROJECT / "docker-compose.yml"
WORKER_FILE = PROJECT / "deploy" / "worker.compose.yml"
LOCAL_DEFAULT = re.compile(r"\$\{[A-Z_]+:-(local-only|nbt_localonly)[\w.-]*}")
ONE_SHOT = {"setup", "credential", "temporal-databases", "temporal-namespace"}
DATABASES = {"netbox-postgres", "temporal-postgres", "valkey"}
K3S = {"kubernetes", "credential"}

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text())["services"]
WORKER: dict[str, Any] = yaml.safe_load(WORKER_FILE.read_text())["services"]["worker"]
ALL_SERVICES = SERVICES | {"worker alone": WORKER}


def check_schema(file: Path) -> subprocess.CompletedProcess[str]:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def load_with_compose(file: Path) -> subprocess.CompletedProcess[str]:
    """Let `docker compose` resolve a file, for which it needs no engine."""
    command = [str(Path(sys.prefix, "bin", "docker-compose")), "--file", str(file), "config"]
    return subprocess.run(
        [*command, "--format", "json"],
        env=os.environ | {"FABRIC_SYNC_CONFIG": str(PROJECT / "deploy")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", [COMPOSE_FILE, WORKER_FILE], ids=lambda file: file.name)
def test_file_follows_the_compose_schema(file: Path) -> None:
    check = check_schema(file)

    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize("file", [COMPOSE_FILE, WORKER_FILE], ids=lambda file: file.name)
def test_compose_itself_accepts_the_file(file: Path) -> None:
    loaded = load_with_compose(file)

    assert loaded.stderr == ""
    assert json.loads(loaded.stdout)["services"].keys() >= {"worker"}


def test_schema_check_finds_mistakes(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "heathcheck:"))

    check = check_schema(broken)

    assert check.returncode == 1
    assert "heathcheck" in check.stdout


def test_compose_itself_finds_what_is_defined_nowhere(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_FILE.read_text().replace("  temporal-data:\n", "  temporal:\n"))

    loaded = load_with_compose(broken)

    assert loaded.returncode != 0
    assert "undefined network temporal-data" in loaded.stderr


def test_file_has_the_whole_stack() -> None:
    parts = {"temporal", "temporal-ui", "netbox", "netbox-worker", "kubernetes", "worker"}

    assert SERVICES.keys() == parts | DATABASES | ONE_SHOT


@pytest.mark.parametrize("name", ALL_SERVICES)
def test_services_run_without_privileges(name: str) -> None:
    service = ALL_SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is (name not in K3S)
    assert service["init"] is True
    assert service["pids_limit"]
    assert service["logging"] == {"driver": "local"}
    assert not service.keys() & {"privileged", "network_mode", "pid", "devices"}
    if name != "credential":
        assert "cap_add" not in service


def test_images_that_start_as_root_get_a_user() -> None:
    users = {name: s["user"] for name, s in SERVICES.items() if "user" in s}

    postgres = {"netbox-postgres": "postgres", "temporal-postgres": "postgres"}
    assert users == postgres | {"valkey": "valkey"}


@pytest.mark.parametrize("name", sorted(DATABASES))
def test_databases_are_reached_by_their_own_servers_only(name: str) -> None:
    networks = yaml.safe_load(COMPOSE_FILE.read_text())["networks"]
    (network,) = SERVICES[name]["networks"]
    others = {n for n, s in SERVICES.items() if network in s.get("networks", ())} - DATABASES

    assert networks[network] == {"internal": True}
    assert "ports" not in SERVICES[name]
    owners = {"netbox-data": {"netbox", "netbox-worker"}}
    assert others == owners.get(network, {"temporal", "temporal-databases"})


def test_temporal_keeps_its_state_in_postgresql() -> None:
    environment = SERVICES["temporal"]["environment"]

    assert environment["DB"] == "postgres12"
    assert environment["POSTGRES_SEEDS"] == "temporal-postgres"
    assert int(environment["NUM_HISTORY_SHARDS"]) >= 512
    (volume,) = SERVICES["temporal-postgres"]["volumes"]
    assert volume == "temporal-postgres:/var/lib/postgresql/data"


@pytest.mark.parametrize("service", [SERVICES["worker"], WORKER], ids=["stack", "alone"])
def test_worker_ends_itself_before_it_is_killed(service: dict[str, Any]) -> None:
    graceful = Settings.model_fields["graceful_shutdown"].default

    assert "FABRIC_SYNC_GRACEFUL_SHUTDOWN" not in service["environment"]
    assert int(service["stop_grace_period"].removesuffix("s")) > graceful + STOP_SECONDS


@pytest.mark.parametrize("service", [SERVICES["worker"], WORKER], ids=["stack", "alone"])
def test_worker_that_hangs_is_unhealthy_within_30_s(service: dict[str, Any]) -> None:
    port, probe = service["environment"]["FABRIC_SYNC_METRICS_PORT"], service["healthcheck"]
    interval = int(probe["interval"].removesuffix("s"))

    assert f"http://localhost:{port}/livez" in probe["test"][-1]
    assert MAX_SILENCE_SECONDS + interval * probe["retries"] <= 30


@pytest.mark.parametrize("name", sorted(ALL_SERVICES.keys() - ONE_SHOT))
def test_long_running_services_have_health_checks_and_restart(name: str) -> None:
    assert "test" in ALL_SERVICES[name]["healthcheck"]
    assert ALL_SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_dependents_wait_for_healthy_or_completed_services(name: str) -> None:
    for dependency, condition in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if dependency in ONE_SHOT else "service_healthy"
        assert condition == {"condition": expected}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_are_variables_with_marked_local_defaults(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("(PASSWORD|PWD|KEY|TOKEN|PEPPER)$", variable):
            assert LOCAL_DEFAULT.fullmatch(value), variable


def test_ports_are_open_on_the_loopback_interface_only() -> None:
    ports = [port for service in ALL_SERVICES.values() for port in service.get("ports", ())]

    assert {port.split(":")[1] for port in ports} == {"8000", "7233", "8233", "6443", "9464"}
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", ["netbox", "netbox-worker"])
def test_netbox_gets_every_required_variable(name: str) -> None:
    sources = ["site_configuration", *(["site_wsgi"] if name == "netbox" else [])]
    code = "".join((PROJECT / f"stack/netbox_site/{s}.py").read_text() for s in sources)
    required = set(re.findall(r'environ\["(\w+)"]', code))

    assert required
    assert required <= SERVICES[name]["environment"].keys()


def test_local_defaults_have_the_length_that_netbox_requires() -> None:
    environment = SERVICES["netbox"]["environment"]
    for variable in ("NETBOX_SECRET_KEY", "NETBOX_TOKEN_PEPPER"):
        assert len(_default(environment[variable])) >= 50

    assert re.fullmatch(r"nbt_\w{12}\.\w{40}", _default(environment["NETBOX_ADMIN_TOKEN"]))


def test_versions_are_those_of_the_demo_and_of_this_release() -> None:
    temporal = subprocess.run(
        [Path(sys.prefix, "bin", "temporal"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Server ([\d.]+), UI ([\d.]+)", temporal.stdout)
    assert found is not None
    server, ui = found.groups()
    images = {name: service["image"] for name, service in SERVICES.items()}

    assert images["temporal"] == f"temporalio/server:{server}"
    assert images["temporal-ui"] == f"temporalio/ui:{ui}"
    assert images["temporal-databases"] == f"temporalio/admin-tools:{server}"
    assert images["worker"] == f"fabric-sync:{VERSION}"
    assert images["netbox"] == f"fabric-sync-netbox:{VERSION}"
    assert WORKER["image"] == f"${{FABRIC_SYNC_IMAGE:-fabric-sync:{VERSION}}}"


def test_images_are_built_from_the_dockerfile() -> None:
    builds = [service["build"] for service in SERVICES.values() if "build" in service]

    assert {(b["context"], b["dockerfile"]) for b in builds} == {(".", "deploy/Dockerfile")}
    assert {build["target"] for build in builds} == {"worker", "netbox"}


@pytest.mark.parametrize("name", sorted(ONE_SHOT - {"setup"}))
def test_scripts_of_one_shot_services_can_be_run(name: str) -> None:
    (entry_point,) = SERVICES[name]["entrypoint"]
    (mount,) = (m for m in SERVICES[name]["volumes"] if m.endswith(":/deploy:ro"))
    script = PROJECT / mount.partition(":")[0] / Path(entry_point).name

    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


def _default(value: str) -> str:
    return value.partition(":-")[2].removesuffix("}")
