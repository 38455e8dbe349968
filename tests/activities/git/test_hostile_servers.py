"""Git servers that never end cost one timeout, and bounded memory and disk."""

import os
import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess, Popen

import psutil
import pytest

from activities.connections import Deadline
from activities.credentials import GitAccess
from activities.errors import NoResponseError, PermanentError
from activities.git import command
from activities.git.branch_check import BranchChecks
from activities.git.desired_state import DesiredStateCache
from activities.git.mirror import GitMirror
from activities.process_groups import communicate
from fabrics.record.config import GitSource
from settings import Settings
from stack.services.git_server import GitServer
from tests.support.git.hostile_servers import (
    BLOB,
    COMMIT,
    TREE,
    dripping_server,
    endless_heads,
    endless_messages,
    make_bytes_slowly,
    pack,
    upload_pack_server,
)

OK = b"HTTP/1.1 200 OK\r\n"
DRIPPING = {
    "status line": (b"HTTP/1.1 200 ", b"O"),
    "headers": (OK + b"X: ", b"x"),
    "body": (OK + b"Content-Length: 1000000\r\n\r\n", b"0"),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n0\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
OVERSIZED = {
    "header": (OK + b"X: ", b"x" * 100_000),
    "headers": (OK, b"X: x\r\n" * 1000),
    "body": (OK + b"\r\n", b"0" * 100_000),
}
TLS_RECORD = b"\x16\x03\x03\x40\x00"
"""The header of a record of 16 KB with a part of a handshake."""


@pytest.fixture(autouse=True)
def _no_processes_left() -> Iterator[None]:
    yield
    children = psutil.Process().children(recursive=True)
    assert [child for child in children if child.name().startswith(("git", "timeout"))] == []


def source(url: str) -> GitSource:
    return GitSource(repository=url, branch="main", directory="/", credential="none")


def is_at(url: str, timeout: float = 1.0) -> bool:
    deadline = Deadline.after(timeout)
    return BranchChecks().is_at(COMMIT, source(url), GitAccess(Path("none")), (deadline, deadline))


@pytest.mark.parametrize("part", DRIPPING)
def test_dripping_server_takes_one_timeout(part: str, settings: Settings) -> None:
    with dripping_server(*DRIPPING[part]) as address:
        url = f"http://{address}/fleet.git"
        with pytest.raises(NoResponseError, match="did not answer in time"):
            is_at(url)
        with pytest.raises(NoResponseError, match="did not answer in time"):
            GitMirror(source(url), settings).fetch(Deadline.after(1.0))


def test_dripping_handshake_takes_one_timeout(settings: Settings) -> None:
    with dripping_server(TLS_RECORD, b"\0") as address:
        url = f"https://{address}/fleet.git"
        with pytest.raises(NoResponseError, match="did not answer in time"):
            is_at(url)
        with pytest.raises(NoResponseError, match="did not answer in time"):
            GitMirror(source(url), settings).fetch(Deadline.after(1.0))


@pytest.mark.parametrize("part", OVERSIZED)
def test_check_of_a_branch_reads_no_endless_answer(part: str) -> None:
    tracemalloc.start()
    with dripping_server(*OVERSIZED[part], pause_seconds=0.0) as address:
        assert not is_at(f"http://{address}/fleet.git", timeout=20.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10_000_000


def test_endless_branches_are_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "MAX_MEMORY_BYTES", 32 << 20)
    with upload_pack_server(heads=endless_heads) as url:
        assert not is_at(url, timeout=20.0)
        with pytest.raises(PermanentError, match="is too large"):
            GitMirror(source(url), settings).fetch(Deadline.after(20.0))


def test_endless_file_is_refused_and_leaves_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MAX_FILE_BYTES", 4 << 20)
    with (
        upload_pack_server(pack=partial(pack, BLOB, 1 << 40, os.urandom)) as url,
        pytest.raises(PermanentError, match="is too large"),
    ):
        GitMirror(source(url), settings).fetch(Deadline.after(20.0))

    assert measure(settings.cache_dir) < 1 << 20


def test_fetch_that_is_killed_leaves_nothing(settings: Settings) -> None:
    with (
        upload_pack_server(pack=partial(pack, BLOB, 1 << 40, make_bytes_slowly)) as url,
        pytest.raises(NoResponseError, match="did not answer in time"),
    ):
        GitMirror(source(url), settings).fetch(Deadline.after(2.0))

    (lock,) = settings.cache_dir.rglob("*.lock")
    assert lock.parent == settings.cache_dir / "git", "that of the mirror, none of git"
    assert measure(settings.cache_dir) < 1 << 20


def test_pack_that_asks_for_much_memory_is_refused(settings: Settings) -> None:
    with (
        upload_pack_server(pack=partial(pack, TREE, 2 << 30, bytes)) as url,
        pytest.raises(PermanentError, match="is too large"),
    ):
        GitMirror(source(url), settings).fetch(Deadline.after(20.0))


def test_pack_that_takes_much_processor_time_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "MAX_CPU_SECONDS", 1)
    with (
        upload_pack_server(pack=partial(pack, BLOB, 1 << 40, bytes)) as url,
        pytest.raises(PermanentError, match="is too large"),
    ):
        GitMirror(source(url), settings).fetch(Deadline.after(60.0))


def test_endless_words_of_a_server_take_no_memory(settings: Settings) -> None:
    tracemalloc.start()
    with (
        upload_pack_server(pack=endless_messages) as url,
        pytest.raises(NoResponseError, match="did not answer in time"),
    ):
        GitMirror(source(url), settings).fetch(Deadline.after(2.0))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 10_000_000


def test_all_commands_of_a_fetch_share_its_deadline(
    git_server: GitServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = git_server.create_repository("deadline")
    repository.commit({"a.yaml": "a: 1\n"}, branch="other")
    deadlines: list[Deadline] = []

    def note(
        process: Popen[bytes], deadline: Deadline, max_output_bytes: int
    ) -> CompletedProcess[bytes]:
        deadlines.append(deadline)
        return communicate(process, deadline, max_output_bytes)

    monkeypatch.setattr(command, "communicate", note)
    with pytest.raises(PermanentError, match="has no branch main"):
        GitMirror(source(repository.url), settings).fetch(Deadline.after(20.0))

    assert len(deadlines) == 3, "create the mirror, fetch, list the branches for the error"
    assert len(set(deadlines)) == 1


def test_hostile_server_does_not_delay_another_repository(
    git_server: GitServer, settings: Settings
) -> None:
    healthy = git_server.create_repository("healthy")
    commit = healthy.commit({"a.yaml": "a: 1\n"})
    states = DesiredStateCache()
    hasty = settings.model_copy(update={"git_timeout": 1.0})
    with dripping_server(*DRIPPING["body"]) as address:
        with pytest.raises(NoResponseError):
            states.read(source(f"http://{address}/fleet.git"), hasty)
        assert states.read(source(healthy.url), settings).commit == commit


def measure(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
