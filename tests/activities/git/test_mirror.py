"""Mirrors across pushes, force-pushes, deletions, damage and locks."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from activities.errors import PermanentError, TransientError
from activities.git.mirror import GitMirror
from fabrics.record.config import GitSource
from settings import Settings
from tests.support.git.repositories import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


def contents(source: GitSource, settings: Settings) -> dict[str, bytes]:
    mirror = GitMirror(source, settings)
    snapshot = mirror.fetch_snapshot()
    files = snapshot.files
    by_blob_id = mirror.read_contents(snapshot.commit, {file.blob_id for file in files})
    return {file.path: by_blob_id[file.blob_id] for file in files}


def mirror_of(settings: Settings) -> Path:
    """The path of the only mirror."""
    (mirror,) = (path for path in (settings.cache_dir / "git").iterdir() if path.is_dir())
    return mirror


def sentence_of(error: type[Exception], source: GitSource, settings: Settings) -> str:
    with pytest.raises(error) as caught:
        GitMirror(source, settings).fetch_snapshot()
    return str(caught.value)


def test_snapshot_lists_files_of_the_directory(repository: Repository, settings: Settings) -> None:
    files: dict[str, bytes | str] = {
        "oslo/a.yaml": "a: 1\n",
        "oslo/deep/er/b.yaml": b"\x00\xff\n\n",
        "bergen/c.yaml": "",
    }
    commit = repository.commit_files(files)

    assert GitMirror(repository.source("/oslo/"), settings).fetch_snapshot().commit == commit
    assert contents(repository.source("oslo"), settings) == {
        "a.yaml": b"a: 1\n",
        "deep/er/b.yaml": b"\x00\xff\n\n",
    }
    assert contents(repository.source("/"), settings).keys() == files.keys()


def test_snapshot_follows_pushes_and_force_pushes(
    repository: Repository, settings: Settings
) -> None:
    first = repository.commit_files({"oslo/a.yaml": "1"})
    source = repository.source("oslo")
    assert contents(source, settings) == {"a.yaml": b"1"}

    repository.commit(repository.git("rev-parse", f"{first}^{{tree}}"), parents=[first])
    assert contents(source, settings) == {"a.yaml": b"1"}

    unrelated = repository.commit_files({"oslo/a.yaml": "2", "oslo/b.yaml": "3"})
    assert contents(source, settings) == {"a.yaml": b"2", "b.yaml": b"3"}
    assert GitMirror(source, settings).fetch_snapshot().commit == unrelated

    repository.commit_files({"oslo/.gitkeep": ""})
    assert contents(source, settings) == {".gitkeep": b""}

    repository.commit_files({"bergen/a.yaml": "4"})
    assert "The path oslo does not exist in branch main" in sentence_of(
        PermanentError, source, settings
    )


def test_branches_may_appear_and_disappear(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"a.yaml": "1"})
    repository.commit_files({"a.yaml": "2"}, branch="lab")
    lab = repository.source(branch="lab")
    assert contents(lab, settings) == {"a.yaml": b"2"}

    repository.git("update-ref", "-d", "refs/heads/lab")
    sentence = sentence_of(PermanentError, lab, settings)
    assert "has no branch lab (but main)" in sentence

    repository.commit_files({"a.yaml": "3"}, branch="lab/two")
    assert contents(repository.source(branch="lab/two"), settings) == {"a.yaml": b"3"}


def test_empty_and_missing_repositories_are_refused(
    repository: Repository, settings: Settings, tmp_path: Path
) -> None:
    sentence = sentence_of(PermanentError, repository.source(), settings)
    assert "has no branches: it is empty" in sentence

    nothing = Repository(tmp_path / "nothing")
    sentence = sentence_of(PermanentError, nothing.source(), settings)
    assert "does not exist, or a reader without credentials may not see it" in sentence


def test_file_instead_of_directory_is_refused(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"oslo": "a: 1"})

    assert "oslo is not a directory" in sentence_of(
        PermanentError, repository.source("oslo"), settings
    )


def lose_objects(mirror: Path) -> None:
    shutil.rmtree(mirror / "objects")


def break_configuration(mirror: Path) -> None:
    (mirror / "config").write_text("[core\n")


def break_head(mirror: Path) -> None:
    (mirror / "HEAD").write_bytes(b"\0" * 100)


def leave_a_lock(mirror: Path) -> None:
    (mirror / "shallow.lock").touch()


def break_objects(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*.*"):
        path.chmod(0o600)
        path.write_bytes(b"x" * 99)


def lose_packs(mirror: Path) -> None:
    for path in (mirror / "objects").rglob("*"):
        if path.is_file():
            path.unlink()


def become_a_file(mirror: Path) -> None:
    shutil.rmtree(mirror)
    mirror.touch()


def become_a_link_to_nothing(mirror: Path) -> None:
    shutil.rmtree(mirror)
    mirror.symlink_to(mirror.with_suffix(".lost"))


@pytest.mark.parametrize("pushed_since", [True, False], ids=["pushed since", "unchanged"])
@pytest.mark.parametrize(
    "damage",
    [
        lose_objects,
        break_configuration,
        break_head,
        leave_a_lock,
        break_objects,
        lose_packs,
        become_a_file,
        become_a_link_to_nothing,
    ],
)
def test_damaged_mirror_is_recreated(
    damage: Callable[[Path], None],
    pushed_since: bool,
    repository: Repository,
    settings: Settings,
) -> None:
    repository.commit_files({"oslo/a.yaml": "1"})
    assert contents(repository.source("oslo"), settings) == {"a.yaml": b"1"}

    damage(mirror_of(settings))
    if pushed_since:
        repository.commit_files({"oslo/a.yaml": "2"})

    expected = b"2" if pushed_since else b"1"
    assert contents(repository.source("oslo"), settings) == {"a.yaml": expected}


def test_mirror_lost_after_listing_is_transient(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"a.yaml": "1"})
    mirror = GitMirror(repository.source(), settings)
    snapshot = mirror.fetch_snapshot()
    (file,) = snapshot.files
    shutil.rmtree(mirror_of(settings))

    with pytest.raises(TransientError, match="is damaged"):
        mirror.read_contents(snapshot.commit, {file.blob_id})
    assert contents(repository.source(), settings) == {"a.yaml": b"1"}


def test_mirror_with_a_newer_commit_is_kept_though_an_older_file_is_gone(
    repository: Repository, settings: Settings
) -> None:
    repository.commit_files({"a.yaml": "1"})
    mirror = GitMirror(repository.source(), settings)
    older = mirror.fetch_snapshot().commit
    repository.commit_files({"a.yaml": "2"})
    newer = mirror.fetch_snapshot()

    with pytest.raises(TransientError, match="a newer commit came"):
        mirror.read_contents(older, {"0" * 40})
    (file,) = newer.files
    assert mirror.read_contents(newer.commit, {file.blob_id}) == {file.blob_id: b"2"}


def test_mirror_size_is_bounded(repository: Repository, settings: Settings) -> None:
    source = repository.source()
    repository.commit_files({"a.yaml": "first"})
    GitMirror(source, settings).fetch_snapshot()
    configuration = mirror_of(settings) / "config"
    configuration.write_text(f"{configuration.read_text()}[gc]\nautoPackLimit = 5\n")

    for number in range(12):
        repository.commit_files({"a.yaml": str(number)})
        assert contents(source, settings) == {"a.yaml": str(number).encode()}

    packs = list((mirror_of(settings) / "objects" / "pack").glob("*.pack"))
    assert len(packs) <= 6
    loose = [path for path in (mirror_of(settings) / "objects").glob("??/*") if path.is_file()]
    assert loose == []


def test_many_fabrics_may_share_a_repository(repository: Repository, settings: Settings) -> None:
    names = [f"fabric-{number}" for number in range(8)]
    repository.commit_files({f"{name}/a.yaml": name for name in names})

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda name: contents(repository.source(name), settings), names))

    assert results == [{"a.yaml": name.encode()} for name in names]
    assert mirror_of(settings)


def test_wait_for_locked_mirror_is_bounded(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"a.yaml": "1"})
    assert contents(repository.source(), settings)
    short_timeout = settings.model_copy(update={"git_timeout": 0.2})

    with FileLock(mirror_of(settings).with_suffix(".lock")):
        sentence = sentence_of(TransientError, repository.source(), short_timeout)

    assert "is still being read by another sync" in sentence


def test_unwritable_cache_is_permanent(repository: Repository, settings: Settings) -> None:
    settings.cache_dir.write_text("a file where the folder should be")

    sentence = sentence_of(PermanentError, repository.source(), settings)

    assert f"cannot store Git mirrors in {settings.cache_dir}" in sentence
