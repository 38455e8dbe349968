"""Programs end with all that they have started, and within their bounds."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from activities.git.process_groups import MAX_ERROR_BYTES, CompletedGroup, run_group
from tests.support.git.hung_fetches import FETCHES
from tests.support.git.waiting import is_running, wait_until
from tests.support.paths import PROJECT

FIRST_PROCESS = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def run(script: str, *, seconds: float = 30.0, max_output_bytes: int = 1 << 20) -> CompletedGroup:
    """Run a shell script."""
    with Path(os.devnull).open("rb") as stdin:
        return run_group(
            ("sh", "-c", script),
            {"PATH": os.environ["PATH"]},
            stdin,
            deadline=time.monotonic() + seconds,
            max_output_bytes=max_output_bytes,
        )


@pytest.mark.parametrize("place", [(), FIRST_PROCESS], ids=["subreaper", "first process"])
def test_fetches_that_time_out_leave_no_zombies(place: tuple[str, ...], tmp_path: Path) -> None:
    if place and subprocess.run([*place, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow new process namespaces")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        module = [sys.executable, "-m", "tests.support.git.hung_fetches", str(tmp_path), url, "0.5"]
        output = subprocess.check_output([*place, *module], cwd=PROJECT, timeout=120)

    result = json.loads(output)
    assert len(result["errors"]) == FETCHES
    assert result["children"] == []


def test_program_returns_output_errors_and_status() -> None:
    completed = run("echo out; echo err >&2; exit 3")

    assert completed == CompletedGroup(3, b"out\n", b"err\n", timed_out=False)


def test_deadline_ends_the_program_and_what_it_started() -> None:
    completed = run("sleep 1000 & echo $!; wait", seconds=0.5)

    assert completed.timed_out
    assert completed.status < 0
    wait_until(lambda: not is_running(int(completed.output)))


def test_end_of_the_program_ends_what_it_started() -> None:
    completed = run("sleep 1000 & echo $!")

    assert (completed.status, completed.timed_out) == (0, False)
    wait_until(lambda: not is_running(int(completed.output)))


def test_program_that_always_writes_ends_at_the_deadline() -> None:
    completed = run("yes >&2", seconds=0.5)

    assert completed.timed_out
    assert len(completed.errors) <= MAX_ERROR_BYTES


def test_output_is_cut_and_the_program_ended() -> None:
    completed = run("yes & yes", max_output_bytes=1000)

    assert 1000 <= len(completed.output) <= 1 << 20
    assert not completed.timed_out


def test_end_of_the_errors_is_kept_from_the_first_whole_line() -> None:
    completed = run(f"yes remote: a long line | head -c {2 * MAX_ERROR_BYTES} >&2; echo fatal >&2")

    assert len(completed.errors) <= MAX_ERROR_BYTES
    assert completed.errors.startswith(b"remote: a long line\n")
    assert completed.errors.endswith(b"fatal\n")


def test_files_of_programs_are_for_their_user_only(tmp_path: Path) -> None:
    run(f"mkdir {tmp_path}/folder; touch {tmp_path}/file")

    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_missing_program_is_an_error() -> None:
    with Path(os.devnull).open("rb") as stdin, pytest.raises(FileNotFoundError):
        run_group(("no-such-program",), {}, stdin, deadline=time.monotonic(), max_output_bytes=1)
