"""The folder of mirrors stays bounded, whoever else uses it."""

import os
import stat
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

from activities.errors import PermanentError
from activities.git import mirror_cache
from activities.git.desired_state import DesiredStateCache
from activities.git.mirror import GitMirror
from settings import Settings
from tests.support.git.repositories import Repository
from tests.support.git.waiting import wait_until

DAY = 24 * 3600.0


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for mirrors that are made without git."""
    return tmp_path / "cache" / "git"


def make_mirror(folder: Path, name: str, *, unused_days: float = 0.0, size: int = 1) -> Path:
    """Make a mirror with one pack of `size` bytes that was last used so long ago."""
    mirror = folder / name
    with mirror_cache.locked(mirror, timeout=1.0):
        pack = mirror / "objects" / "pack" / "pack-1.pack"
        pack.parent.mkdir(parents=True)
        with pack.open("wb") as file:
            file.truncate(size)
    set_last_used(mirror, unused_days)
    return mirror


def set_last_used(mirror: Path, days: float) -> None:
    last_used = time.time() - days * DAY
    os.utime(mirror.with_suffix(".lock"), (last_used, last_used))


def list_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_mirrors_are_for_the_worker_only(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"a.yaml": "1"})
    GitMirror(repository.source(), settings).fetch_snapshot()

    paths = [settings.cache_dir, *settings.cache_dir.rglob("*")]
    assert len(paths) > 10
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in paths} == {0}


def test_unused_mirror_is_deleted_with_its_lock(folder: Path) -> None:
    make_mirror(folder, "unused", unused_days=7.1)
    make_mirror(folder, "used", unused_days=6.9)

    mirror_cache.prune(folder)

    assert list_names(folder) == ["used", "used.lock"]


def test_locked_mirror_is_not_deleted(folder: Path) -> None:
    mirror = make_mirror(folder, "unused", unused_days=8)

    with FileLock(mirror.with_suffix(".lock")):
        mirror_cache.prune(folder)
    assert mirror.exists()

    mirror_cache.prune(folder)
    assert list_names(folder) == []


def test_longest_unused_mirrors_beyond_the_limit_are_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_cache, "MAX_CACHE_BYTES", 1000)
    for days, name in enumerate(("first", "second", "third", "fourth")):
        make_mirror(folder, name, unused_days=days, size=400)

    mirror_cache.prune(folder)

    assert list_names(folder) == ["first", "first.lock", "second", "second.lock"]


def test_lock_of_a_deleted_mirror_is_not_held_by_two(folder: Path) -> None:
    mirror = make_mirror(folder, "unused", unused_days=8)
    lock = mirror.with_suffix(".lock")
    with ExitStack() as pruning, ThreadPoolExecutor(1) as threads:
        pruning.enter_context(FileLock(lock))
        waiting = threads.submit(FileLock(lock, thread_local=False).acquire, 30)
        lock.unlink()
        pruning.close()
        with waiting.result(), pytest.raises(Timeout):
            FileLock(lock, timeout=0).acquire()


def test_folder_without_mirrors_is_left_alone(folder: Path) -> None:
    mirror_cache.prune(folder)

    assert not folder.exists()


def test_update_of_one_branch_deletes_mirrors_that_nobody_uses(
    repository: Repository, settings: Settings
) -> None:
    repository.commit_files({"a.yaml": "1"})
    repository.commit_files({"a.yaml": "2"}, branch="old")
    GitMirror(repository.source(branch="old"), settings).fetch_snapshot()
    (old,) = (settings.cache_dir / "git").glob("*.lock")
    set_last_used(old, days=8)
    states = DesiredStateCache()

    states.read(repository.source(), settings)

    wait_until(lambda: not old.exists())
    assert states.read(repository.source(branch="old"), settings).commit


def test_mirror_of_an_unchanged_branch_is_in_use(
    repository: Repository, settings: Settings
) -> None:
    repository.commit_files({"a.yaml": "1"})
    states = DesiredStateCache()
    states.read(repository.source(), settings)
    (lock,) = (settings.cache_dir / "git").glob("*.lock")
    set_last_used(lock, days=8)

    states.read(repository.source(), settings)

    mirror_cache.prune(settings.cache_dir / "git")
    assert lock.exists()


def test_each_branch_has_its_own_mirror(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"a.yaml": "1"})
    repository.commit_files({"a.yaml": "2"}, branch="lab")
    main, lab = (repository.source(branch=branch) for branch in ("main", "lab"))
    GitMirror(main, settings).fetch_snapshot()
    (lock,) = (settings.cache_dir / "git").glob("*.lock")

    with FileLock(lock):
        assert GitMirror(lab, settings).fetch_snapshot().files


def test_mirror_that_has_grown_too_large_is_made_again(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.git.mirror.MAX_MIRROR_BYTES", 200_000)
    for number in range(6):
        commit = repository.commit_files({"a.bin": os.urandom(50_000)})
        assert GitMirror(repository.source(), settings).fetch_snapshot().commit == commit

        (lock,) = (settings.cache_dir / "git").glob("*.lock")
        assert mirror_cache.measure(lock.with_suffix("")) < 300_000, number


def test_repository_beyond_the_limit_of_disk_is_refused_and_leaves_nothing(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit_files({"a.bin": os.urandom(3 << 20)})
    monkeypatch.setattr("activities.git.command.MAX_FILE_BYTES", 1 << 20)

    with pytest.raises(PermanentError, match="is too large: git may use"):
        GitMirror(repository.source(), settings).fetch_snapshot()

    (lock,) = (settings.cache_dir / "git").glob("*.lock")
    assert mirror_cache.measure(lock.with_suffix("")) == 0
    repository.commit_files({"a.yaml": "1"})
    assert GitMirror(repository.source(), settings).fetch_snapshot().files
