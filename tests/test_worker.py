"""The worker process: its limit of open files, and an end even if it hangs."""

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cli.exit_codes import EXIT_FAILURE
from worker import MAX_OPEN_FILES, raise_open_file_limit


@pytest.fixture
def usual_limit() -> Iterator[int]:
    """The limit of most hosts for this process, and the highest that it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_limit_of_open_files_is_raised_as_far_as_the_host_allows(usual_limit: int) -> None:
    for _ in range(2):
        raise_open_file_limit()
        expected = min(MAX_OPEN_FILES, usual_limit), usual_limit
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == expected


def test_higher_limit_stays(usual_limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.MAX_OPEN_FILES", 512)
    raise_open_file_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(1024, usual_limit)


def test_process_that_does_not_stop_is_ended_with_a_sentence() -> None:
    program = (
        "import threading, worker;"
        "worker.configure_logging(); worker.end_process_after(0.5); threading.Event().wait()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == EXIT_FAILURE
    assert "The worker did not stop within 0.5 s, and was ended." in ended.stderr + ended.stdout
