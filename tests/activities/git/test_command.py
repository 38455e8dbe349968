"""What git says, and when it ends."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from activities.connections import Deadline
from activities.credentials import GitAccess
from activities.errors import TransientError
from activities.git import command
from activities.git.command import (
    MAX_LOGGED_CHARS,
    ORPHAN_SECONDS,
    TOKEN_CONFIG_VARIABLE,
    GitCommand,
    GitError,
    build_git_environment,
)
from tests.support.git.hung_fetches import FETCHES
from tests.support.git.waiting import TIMEOUT_SECONDS, is_running, wait_until
from tests.support.paths import PROJECT

FIRST_PROCESS = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


def make_environment(repository: Path) -> dict[str, str]:
    return build_git_environment(repository, GitAccess(Path("none")), {}, "file")


def replace_git(folder: Path, line: str) -> dict[str, str]:
    """Return an environment in which git is this line of a shell script."""
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{line}\n")
    program.chmod(0o755)
    return make_environment(folder) | {"PATH": f"{folder}:{os.environ['PATH']}"}


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
    git = GitCommand({"PATH": "/nonexistent"}, Deadline.after(10))

    with pytest.raises(TransientError, match=r"The worker cannot run git \(not found in its PATH"):
        git.run("version")


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


def test_git_that_exceeds_its_deadline_is_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "silent")
    git = GitCommand(make_environment(tmp_path), Deadline.after(0.5))

    with pytest.raises(GitError) as caught:
        git.run("hash-object", str(tmp_path / "silent"))
    assert caught.value.timed_out
    assert str(caught.value) == "It did not end in time."


def test_git_that_exceeds_its_processor_time_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that exceeds its deadline: a new mirror would not help."""
    monkeypatch.setattr(command, "MAX_CPU_SECONDS", 1)
    environment = replace_git(tmp_path, "while :; do :; done")

    with pytest.raises(GitError) as caught:
        GitCommand(environment, Deadline.after(60)).run("version")
    assert caught.value.timed_out
    assert str(caught.value).startswith("It was killed: it took too much processor time")


def test_files_of_git_are_for_their_user_only(tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    GitCommand(make_environment(mirror), Deadline.after(30)).run("init", "--bare")

    assert mirror.stat().st_mode & 0o777 == 0o700
    assert (mirror / "HEAD").stat().st_mode & 0o777 == 0o600


def test_git_gets_no_variables_but_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_SYNC_NETBOX_TOKEN", "s3cret")
    environment = replace_git(tmp_path, "exec env -0")
    output = GitCommand(environment, Deadline.after(30)).run("version").decode()

    received = dict(line.split("=", 1) for line in output.split("\0") if line)
    own_of_shells = {"PWD", "OLDPWD", "SHLVL", "_"}
    assert received.items() >= environment.items()
    assert received.keys() - environment.keys() <= own_of_shells | {
        "LANGUAGE",
        TOKEN_CONFIG_VARIABLE,
    }


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
