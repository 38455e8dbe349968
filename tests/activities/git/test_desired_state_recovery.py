"""Desired states across everything that happens to branches, mirrors and disks."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from activities.errors import PermanentError, TransientError
from activities.git.desired_state import DesiredStateCache
from fabrics.record.config import GitSource
from settings import Settings
from stack.services.git_server import GitServer
from tests.support.git.repositories import Repository

FULL = r"the worker's disk is full|No space left"


def vpc(name: str) -> str:
    return (
        "apiVersion: vpc.githedgehog.com/v1beta1\n"
        f"kind: VPC\nmetadata: {{name: {name}}}\nspec: {{subnets: {{}}}}\n"
    )


@pytest.fixture(params=["http", "file"])
def fleet(
    request: pytest.FixtureRequest, git_server: GitServer, settings: Settings
) -> tuple[Repository, str]:
    """A repository and the URL that records name."""
    served = git_server.create_repository(f"fleet-{uuid4().hex[:8]}")
    repository = Repository(served.path)
    return repository, served.url if request.param == "http" else repository.url


class Fabric:
    """A fabric that follows one branch of a repository."""

    def __init__(self, url: str, settings: Settings, branch: str = "main") -> None:
        self.source = GitSource(repository=url, branch=branch, directory="/", credential="none")
        self.settings = settings
        self.states = DesiredStateCache()

    def read(self) -> tuple[str, list[str]]:
        """Return the commit and the names of the objects that the next sync finds."""
        revision = self.states.read(self.source, self.settings)
        return revision.commit, [key.name for key in revision.state.resources]


def test_branch_named_head_is_read_at_its_own_tip(
    fleet: tuple[Repository, str], settings: Settings
) -> None:
    repository, url = fleet
    repository.commit_files({"vpc.yaml": vpc("main")})
    commit = repository.commit_files({"vpc.yaml": vpc("head")}, branch="HEAD")
    fabric = Fabric(url, settings, branch="HEAD")

    assert fabric.read() == (commit, ["head"])
    assert fabric.read() == (commit, ["head"])
    repository.commit_files({"vpc.yaml": vpc("main-2")})
    assert fabric.read() == (commit, ["head"])
    commit = repository.commit_files({"vpc.yaml": vpc("head-2")}, branch="HEAD")
    assert fabric.read() == (commit, ["head-2"])


def test_branch_that_appears_later_is_read_at_the_next_sync(
    fleet: tuple[Repository, str], settings: Settings
) -> None:
    repository, url = fleet
    fabric = Fabric(url, settings, branch="lab")
    with pytest.raises(PermanentError, match="has no branches"):
        fabric.read()
    repository.commit_files({"vpc.yaml": vpc("main")})
    with pytest.raises(PermanentError, match=r"has no branch lab \(but main\)"):
        fabric.read()

    commit = repository.commit_files({"vpc.yaml": vpc("lab")}, branch="lab")

    assert fabric.read() == (commit, ["lab"])


def test_branch_that_is_deleted_and_made_again_is_read(
    fleet: tuple[Repository, str], settings: Settings
) -> None:
    repository, url = fleet
    fabric = Fabric(url, settings, branch="lab")
    repository.commit_files({"vpc.yaml": vpc("main")})
    first = repository.commit_files({"vpc.yaml": vpc("first")}, branch="lab")
    assert fabric.read() == (first, ["first"])

    for commit in (first, repository.commit_files({"vpc.yaml": vpc("again")}, branch="other")):
        repository.git("update-ref", "-d", "refs/heads/lab")
        with pytest.raises(PermanentError, match="has no branch lab"):
            fabric.read()
        repository.git("update-ref", "refs/heads/lab", commit)
        assert fabric.read()[0] == commit


def test_rewritten_history_is_read(fleet: tuple[Repository, str], settings: Settings) -> None:
    repository, url = fleet
    fabric = Fabric(url, settings)
    first = repository.commit_files({"vpc.yaml": vpc("first")})
    tree = repository.git("rev-parse", f"{first}^{{tree}}")
    second = repository.commit(tree, parents=[first])
    assert fabric.read() == (second, ["first"])

    unrelated = repository.commit_files({"vpc.yaml": vpc("unrelated")})
    assert fabric.read() == (unrelated, ["unrelated"])
    repository.git("update-ref", "refs/heads/main", first)
    assert fabric.read() == (first, ["first"])
    repository.git("update-ref", "refs/heads/main", second)
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    assert fabric.read() == (second, ["first"])


def truncate_packs(mirror: Path) -> None:
    for pack in (mirror / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o600)
        os.truncate(pack, pack.stat().st_size // 2)


def flip_bits(mirror: Path) -> None:
    for pack in (mirror / "objects" / "pack").glob("*.pack"):
        pack.chmod(0o600)
        content = pack.read_bytes()
        middle = bytes(byte ^ 255 for byte in content[12:-20])
        pack.write_bytes(content[:12] + middle + content[-20:])


def break_ref(mirror: Path) -> None:
    (mirror / "packed-refs").unlink(missing_ok=True)
    for ref in (mirror / "refs").rglob("*"):
        if ref.is_file():
            ref.write_bytes(b"\0" * 41)


def lose_everything(mirror: Path) -> None:
    shutil.rmtree(mirror)


def leave_locks(mirror: Path) -> None:
    for name in ("shallow", "index", "HEAD", "config", "packed-refs", "refs/fabric-sync/branch"):
        (mirror / f"{name}.lock").touch()
    (mirror / "objects" / "pack" / "tmp_pack_x").write_bytes(b"PACK")


@pytest.mark.parametrize("was_pushed", [True, False], ids=["pushed since", "unchanged"])
@pytest.mark.parametrize(
    "damage", [truncate_packs, flip_bits, break_ref, lose_everything, leave_locks]
)
@pytest.mark.parametrize("fleet", ["http"], indirect=True)
def test_damaged_mirror_costs_one_attempt_at_most(
    damage: Callable[[Path], None],
    was_pushed: bool,
    fleet: tuple[Repository, str],
    settings: Settings,
) -> None:
    repository, url = fleet
    commit = repository.commit_files({"vpc.yaml": vpc("first")})
    assert Fabric(url, settings).read() == (commit, ["first"])
    (lock,) = (settings.cache_dir / "git").glob("*.lock")
    damage(lock.with_suffix(""))
    expected = (commit, ["first"])
    if was_pushed:
        expected = repository.commit_files({"vpc.yaml": vpc("second")}), ["second"]

    restarted = Fabric(url, settings)
    try:
        found = restarted.read()
    except TransientError:  # Temporal tries again
        found = restarted.read()

    assert found == expected


@pytest.fixture
def tiny_disk(settings: Settings) -> Iterator[Path]:
    """A file system of 1 MB for the worker's cache."""
    settings.cache_dir.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(settings.cache_dir)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this user may not mount file systems")
    yield settings.cache_dir
    subprocess.run(["umount", "--lazy", str(settings.cache_dir)], check=True)


@pytest.mark.parametrize("fleet", ["http"], indirect=True)
def test_full_disk_is_named_and_recovers(
    tiny_disk: Path, fleet: tuple[Repository, str], settings: Settings
) -> None:
    repository, url = fleet
    fabric = Fabric(url, settings)
    first = repository.commit_files({"vpc.yaml": vpc("first")})
    assert fabric.read() == (first, ["first"])
    filler = tiny_disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 4096)
    second = repository.commit_files({"vpc.yaml": vpc("second")})

    with pytest.raises(TransientError, match=FULL):
        fabric.read()
    with pytest.raises(TransientError, match=FULL):
        Fabric(url, settings, branch="main").read()

    filler.unlink()
    assert fabric.read() == (second, ["second"])


@pytest.mark.parametrize("fleet", ["http"], indirect=True)
def test_many_branches_on_the_server_hide_none(
    fleet: tuple[Repository, str], settings: Settings
) -> None:
    repository, url = fleet
    commit = repository.commit_files({"vpc.yaml": vpc("first")})
    heads = "".join(f"{commit} refs/heads/main-{number:06}\n" for number in range(30_000))
    header = "# pack-refs with: peeled fully-peeled sorted \n"
    main = f"{commit} refs/heads/main\n"
    (repository.path / "refs" / "heads" / "main").unlink()
    (repository.path / "packed-refs").write_text(header + main + heads)

    fabric = Fabric(url, settings)
    assert fabric.read() == fabric.read() == (commit, ["first"])
    with pytest.raises(PermanentError, match=r"has no branch mian \(but main"):
        Fabric(url, settings, branch="mian").read()
    commit = repository.commit_files({"vpc.yaml": vpc("second")})
    assert fabric.read() == (commit, ["second"])
