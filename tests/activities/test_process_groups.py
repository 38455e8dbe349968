"""Programs end with all that they have started, and within their bounds."""

from pathlib import Path
from subprocess import DEVNULL, PIPE, CompletedProcess, Popen

import pytest

from activities.connections import Deadline
from activities.process_groups import MAX_ERROR_BYTES, communicate
from tests.support.git.waiting import is_running, wait_until


def run(
    script: str, *, seconds: float = 30.0, max_output_bytes: int = 1 << 20, stderr: int = PIPE
) -> CompletedProcess[bytes]:
    """Run a shell script."""
    process = Popen(["sh", "-c", script], stdout=PIPE, stderr=stderr, start_new_session=True)
    return communicate(process, Deadline.after(seconds), max_output_bytes)


def test_program_returns_output_errors_and_status() -> None:
    completed = run("echo out; echo err >&2; exit 3")

    assert completed.returncode == 3
    assert (completed.stdout, completed.stderr) == (b"out\n", b"err\n")


def test_what_is_no_pipe_counts_as_empty() -> None:
    completed = run("echo out; echo err >&2", stderr=DEVNULL)

    assert (completed.stdout, completed.stderr) == (b"out\n", b"")


def test_deadline_ends_the_program_and_what_it_started(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        run(f"sleep 1000 & echo $! > {tmp_path}/child; wait", seconds=1.0)

    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not is_running(child))


def test_program_is_ended_if_the_deadline_has_passed() -> None:
    process = Popen(["sleep", "1000"], stdout=PIPE, start_new_session=True)

    with pytest.raises(TimeoutError):
        communicate(process, Deadline.after(0), 1)

    assert process.returncode < 0


def test_end_of_the_program_ends_what_it_started() -> None:
    completed = run("sleep 1000 & echo $!")

    assert completed.returncode == 0
    wait_until(lambda: not is_running(int(completed.stdout)))


def test_program_that_closes_its_output_ends_at_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        run("exec sleep 1000 >&- 2>&-", seconds=0.5)


def test_program_that_always_writes_ends_at_the_deadline() -> None:
    with pytest.raises(TimeoutError):
        run("yes >&2", seconds=0.5)


def test_output_is_cut_and_the_program_ended() -> None:
    completed = run("yes & yes", max_output_bytes=1000)

    assert 1000 <= len(completed.stdout) <= 1 << 20
    assert completed.returncode < 0


def test_end_of_the_errors_is_kept_from_the_first_whole_line() -> None:
    completed = run(f"yes remote: a long line | head -c {2 * MAX_ERROR_BYTES} >&2; echo fatal >&2")

    assert len(completed.stderr) <= MAX_ERROR_BYTES
    assert completed.stderr.startswith(b"remote: a long line\n")
    assert completed.stderr.endswith(b"fatal\n")
