"""The units of `deploy/systemd`: systemd accepts and hardens them."""

import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path
from typing import override

import pytest

from settings import Settings
from tests.support.paths import PROJECT
from workers.workflow_process import STOP_SECONDS

UNIT = PROJECT / "deploy/systemd/fabric-sync-worker.service"
COMMAND = "/opt/fabric-sync/bin/fabric-sync-worker"
MAX_EXPOSURE = 15
"""In tenths, as `systemd-analyze security` rates units: 0 is locked up, 100 may do everything."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


class UnitParser(RawConfigParser):
    """A parser of units, whose names have capital letters."""

    @override
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read_unit() -> UnitParser:
    """Return the settings of the unit, each of which is there once."""
    parser = UnitParser()
    parser.read_string(UNIT.read_text())
    return parser


def verify(unit: Path) -> str:
    """Return what systemd criticizes."""
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@needs_systemd
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    assert COMMAND in UNIT.read_text()
    unit.write_text(UNIT.read_text().replace(COMMAND, sys.executable))

    assert verify(unit) == ""


@needs_systemd
def test_check_of_the_unit_finds_mistakes(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("Restart=always", "Restart=allways"))

    assert "allways" in verify(unit)


@needs_systemd
def test_unit_is_hardened() -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={MAX_EXPOSURE}"]
    rated = subprocess.run([*command, str(UNIT)], capture_output=True, text=True, check=False)

    assert rated.returncode == 0, rated.stdout


def test_worker_ends_itself_before_it_is_killed() -> None:
    graceful = Settings.model_fields["graceful_shutdown"].default

    assert float(read_unit()["Service"]["TimeoutStopSec"]) > graceful + STOP_SECONDS


def test_worker_is_started_again_however_often_it_ends() -> None:
    unit = read_unit()

    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_unit_has_the_settings_and_the_user_that_come_with_it() -> None:
    service = read_unit()["Service"]

    assert service["ExecStart"] == f"{COMMAND} $WORKER_OPTIONS"
    assert service["EnvironmentFile"] == "/etc/fabric-sync/worker.env"
    assert "WORKER_OPTIONS" in (PROJECT / "deploy/worker.env").read_text()
    users = (PROJECT / "deploy/systemd/fabric-sync.conf").read_text()
    assert f"\nu {service['User']} - " in users
