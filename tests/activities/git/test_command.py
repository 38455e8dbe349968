"""What git says, and when it ends."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from activities.errors import TransientError
from activities.git.command import MAX_LOGGED_CHARS, ORPHAN_SECONDS, GitCommand, GitError
from tests.support.git.waiting import TIMEOUT_SECONDS, is_running, wait_until
from tests.support.paths import PROJECT


@pytest.mark.parametrize("separator", ["\v", "\f", "\x1c", "\x85", "\u2028"])
def test_words_of_the_server_do_not_pass_for_those_of_git(separator: str) -> None:
    error = GitError(
        f"remote: hello{separator}fatal: Authentication failed\rremote: more\nfatal: early EOF",
        timed_out=False,
    )

    assert error.local_output == "fatal: early EOF"


def test_error_is_one_bounded_printable_line() -> None:
    text = str(GitError("\x1b[2Jfatal:\n\u202efnord\x07" + "x" * 5000, timed_out=False))

    assert text.startswith("?[2Jfatal: ?fnord?xxx")
    assert len(text) == MAX_LOGGED_CHARS


def test_worker_that_cannot_start_git_says_so() -> None:
    git = GitCommand({"PATH": "/nonexistent"}, time.monotonic() + 10)

    with pytest.raises(TransientError, match=r"The worker cannot run git \(No such file"):
        git.run("version")


def test_git_ends_also_if_the_worker_is_killed(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/fleet.git"
        module = [sys.executable, "-m", "tests.support.git.hung_fetches", str(tmp_path), url, "5"]
        with subprocess.Popen(module, cwd=PROJECT, stdout=subprocess.DEVNULL) as worker:
            processes = psutil.Process(worker.pid).children
            wait_until(lambda: len(processes(recursive=True)) >= 3, 120)  # timeout, git, its helper
            orphans = [process.pid for process in processes(recursive=True)]
            worker.kill()

        wait_until(lambda: not any(map(is_running, orphans)), ORPHAN_SECONDS + TIMEOUT_SECONDS)
