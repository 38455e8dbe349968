"""What a release consists of, as `make dist` makes it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from fabrics.version import VERSION
from tests.support.deploy.reachable import PYPI, explain_unreachable
from tests.support.paths import PROJECT, RELEASE

NOT_INSTALLED = {"bench", "docs", "stack", "tests"}
"""Packages and scripts that need a clone of the project."""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the files of a release."""
    folder = tmp_path_factory.mktemp("release") / "dist"
    command = ["make", "--old-file=.venv/.ready", "dist", f"DIST={folder}"]
    subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    """The wheel of the release."""
    return dist / f"fabric_sync-{VERSION}-py3-none-any.whl"


def read_bill_of_materials(dist: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((dist / f"fabric-sync-{VERSION}.cdx.json").read_text())
    return document


def test_release_has_one_version() -> None:
    chart = yaml.safe_load((PROJECT / "deploy/chart/Chart.yaml").read_text())
    example = (PROJECT / "deploy/Dockerfile").read_text()

    assert RELEASE == chart["version"] == chart["appVersion"] == VERSION
    assert f"--tag fabric-sync:{VERSION} " in example


def test_release_has_all_its_files_and_their_hashes(dist: Path, wheel: Path) -> None:
    suffixes = (".tgz", ".cdx.json", ".requirements.txt")
    files = {wheel.name, *(f"fabric-sync-{VERSION}{suffix}" for suffix in suffixes)}
    lines = (dist / "SHA256SUMS").read_text().splitlines()
    hashes = {name: digest for digest, name in (line.split("  ") for line in lines)}

    assert {file.name for file in dist.iterdir()} == files | {"SHA256SUMS"}
    for name in files:
        assert hashes[name] == hashlib.sha256((dist / name).read_bytes()).hexdigest()


def test_wheel_has_every_package_of_the_product(wheel: Path) -> None:
    packages = {file.parent.name for file in PROJECT.glob("*/__init__.py")}
    scripts = {file.name for file in PROJECT.glob("*.py")}
    names = ZipFile(wheel).namelist()

    installed = {name.partition("/")[0] for name in names}
    metadata = f"fabric_sync-{VERSION}.dist-info"
    assert installed == (packages - NOT_INSTALLED) | scripts | {metadata}
    modules = {
        str(file.relative_to(PROJECT))
        for package in packages - NOT_INSTALLED
        for file in (PROJECT / package).rglob("*.py")
    }
    assert modules <= set(names)
    assert f"{metadata}/licenses/LICENSE" in names


@pytest.mark.parametrize("command", ["fabric-sync", "fabric-sync-worker"])
def test_commands_of_the_wheel_work_without_the_project(
    wheel: Path, command: str, tmp_path: Path
) -> None:
    shutil.unpack_archive(wheel, tmp_path, "zip")
    entry_points = (tmp_path / f"fabric_sync-{VERSION}.dist-info/entry_points.txt").read_text()
    found = re.search(rf"^{command} = ([\w.]+):(\w+)$", entry_points, re.MULTILINE)
    assert found is not None
    module, function = found.groups()
    script = tmp_path / command  # what pip makes of it
    script.write_text(f"import sys\nfrom {module} import {function}\nsys.exit({function}())\n")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, script, *arguments],
            cwd=tmp_path.parent,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("--version").stdout == f"Fabric Sync {VERSION}\n"
    assert f"Usage: {command} " in run("--help").stdout
    refused = run("--nonsense")
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"{command}: No such option: --nonsense")
    assert f"`{command} --help`" in refused.stderr


def test_scripts_have_the_same_version_and_their_own_names() -> None:
    for script in ("starter.py", "worker.py"):
        shown = subprocess.run(
            [sys.executable, script, "--version"],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == f"Fabric Sync {VERSION}\n"


@pytest.mark.soak
def test_pip_installs_both_commands_from_the_project(tmp_path: Path) -> None:
    if reason := explain_unreachable(PYPI):
        pytest.skip(reason)
    subprocess.run([sys.executable, "-m", "venv", tmp_path], check=True)
    installed = subprocess.run(
        [tmp_path / "bin/pip", "install", "--quiet", PROJECT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert installed.returncode == 0, installed.stderr

    for command in ("fabric-sync", "fabric-sync-worker"):
        shown = subprocess.run(
            [tmp_path / "bin" / command, "--version"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert shown.stdout == f"Fabric Sync {VERSION}\n"


def test_chart_of_the_release_is_that_of_the_project(dist: Path) -> None:
    chart = PROJECT / "deploy/chart"
    with tarfile.open(dist / f"fabric-sync-{VERSION}.tgz") as archive:
        packed = {name.removeprefix("fabric-sync/") for name in archive.getnames()}

    files = {str(f.relative_to(chart)) for f in chart.rglob("*") if f.is_file()}
    assert packed >= files - {".helmignore"}


def test_requirements_of_the_release_are_those_of_the_lock_file_with_hashes(dist: Path) -> None:
    lines = (dist / f"fabric-sync-{VERSION}.requirements.txt").read_text().splitlines()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", line)[0] for line in lines if line[0].isalnum())
    locked = tomllib.loads((PROJECT / "uv.lock").read_text())["package"]

    assert pinned.items() <= {package["name"]: package["version"] for package in locked}.items()
    assert "temporalio" in pinned
    assert "pytest" not in pinned
    hashes = [line for line in lines if "--hash=sha256:" in line]
    assert len(hashes) >= len(pinned)


def test_bill_of_materials_names_all_that_is_installed_with_hashes(dist: Path) -> None:
    bill = read_bill_of_materials(dist)
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    direct = {re.split("[<>=\\[]", name)[0].lower() for name in project["dependencies"]}
    components = {component["name"]: component for component in bill["components"]}

    assert bill["bomFormat"] == "CycloneDX"
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("fabric-sync", VERSION)
    assert direct <= components.keys()
    assert "pytest" not in components
    for name, component in components.items():
        assert component["purl"] == f"pkg:pypi/{name}@{component['version']}"
        files = component["externalReferences"]
        assert all(h["alg"] == "SHA-256" for file in files for h in file["hashes"])
        assert files
