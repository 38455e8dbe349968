"""The contents and the lifetime of `.demo.env`."""

import subprocess
import sys
from pathlib import Path

import pytest

from stack.demo.env_file import env_file
from stack.processes.supervisor import StackError

VARIABLES = {
    "NETBOX_PASSWORD": "it's $HOME and `this`",
    "FABRIC_SYNC_NETBOX_URL": "http://127.0.0.1:8000",
}


def test_shell_reads_back_every_value(tmp_path: Path) -> None:
    with env_file(VARIABLES, tmp_path) as path:
        assert path == tmp_path / ".demo.env"
        assert path.stat().st_mode & 0o777 == 0o600
        lines = in_shell(path, "env -0").split("\0")
    assert VARIABLES.items() <= dict(line.split("=", 1) for line in lines if line).items()
    assert not path.exists()


def test_programs_of_this_environment_come_first_on_path(tmp_path: Path) -> None:
    with env_file({}, tmp_path) as path:
        assert in_shell(path, "command -v temporal").strip() == str(
            Path(sys.prefix, "bin/temporal")
        )


def in_shell(file: Path, command: str) -> str:
    """Return the output of `command` in a shell that has sourced `file`."""
    script = ["bash", "-c", f'source "$0"; {command}', str(file)]
    return subprocess.run(script, capture_output=True, text=True, check=True).stdout


def test_two_demos_do_not_share_a_file(tmp_path: Path) -> None:
    with env_file({"A": "1"}, tmp_path) as first, env_file({"A": "2"}, tmp_path) as second:
        assert (first.name, second.name) == (".demo.env", ".demo-2.env")
        assert "A=1" in first.read_text()
    assert list(tmp_path.iterdir()) == []


def test_file_of_killed_demo_is_replaced(tmp_path: Path) -> None:
    stale = tmp_path / ".demo.env"
    stale.write_text("export A=old\n")
    stale.chmod(0o644)
    with env_file({"A": "new"}, tmp_path) as path:
        assert "A=old" not in path.read_text()
        assert path.stat().st_mode & 0o777 == 0o600


def test_unwritable_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    missing_folder = tmp_path / "missing"
    with (
        pytest.raises(StackError, match=r"Cannot write .*missing/\.demo\.env"),
        env_file({}, missing_folder),
    ):
        pass
