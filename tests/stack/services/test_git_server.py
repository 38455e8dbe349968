"""The Git server serves real clients, and protected repositories by token."""

import random
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stack.processes.ports import PortPool
from stack.services.git_server import GitRepository, GitServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    with (
        closing(PortPool()) as ports,
        closing(GitServer(tmp_path_factory.mktemp("git"), ports)) as server,
    ):
        yield server


@pytest.fixture
def repository(server: GitServer, request: pytest.FixtureRequest) -> GitRepository:
    return server.create_repository(request.node.name)


def git(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def test_clone_has_the_committed_files(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit({"fabric/switch.yaml": "kind: Switch\n", "old.yaml": "kind: VLAN\n"})
    commit = repository.commit({"old.yaml": None, "vpc.yaml": "kind: VPC\n"})

    git("clone", repository.url, tmp_path).check_returncode()

    files = {path.name for path in tmp_path.rglob("*.yaml")}
    assert files == {"switch.yaml", "vpc.yaml"}
    assert git("-C", tmp_path, "rev-parse", "HEAD").stdout.strip() == commit


def test_shallow_and_partial_fetches_work(repository: GitRepository, tmp_path: Path) -> None:
    for number in range(3):
        repository.commit({"file.yaml": f"number: {number}\n"})

    options = ["--depth=1", "--filter=blob:none", "--bare"]
    git("clone", *options, repository.url, tmp_path).check_returncode()

    assert git("-C", tmp_path, "rev-list", "--count", "HEAD").stdout.strip() == "1"


def test_new_branch_starts_from_main(repository: GitRepository) -> None:
    repository.commit({"main.yaml": "a: 1\n"})
    commit = repository.commit({"branch.yaml": "b: 2\n"}, branch="next")

    assert git("ls-remote", repository.url, "refs/heads/next").stdout.startswith(commit)
    listing = git("-C", repository.path, "ls-tree", "--name-only", "next").stdout
    assert listing.split() == ["branch.yaml", "main.yaml"]


def test_large_push_over_http_arrives(repository: GitRepository, tmp_path: Path) -> None:
    repository.commit({"file.yaml": "a: 1\n"})
    git("clone", repository.url, tmp_path).check_returncode()
    # Git sends more than 1 MiB (compressed) in chunks.
    (tmp_path / "file.yaml").write_bytes(random.Random(1).randbytes(3_000_000))
    author = ["-c", "user.name=Person", "-c", "user.email=person@example.com"]
    git("-C", tmp_path, *author, "commit", "--all", "--message=Two").check_returncode()

    git("-C", tmp_path, "push", "origin", "HEAD:main").check_returncode()

    pushed = git("-C", tmp_path, "rev-parse", "HEAD").stdout
    assert git("-C", repository.path, "rev-parse", "main").stdout == pushed


@pytest.mark.parametrize(("password", "allowed"), [("s3cret", True), ("wrong", False), ("", False)])
def test_protected_repository_requires_its_token(
    server: GitServer, password: str, allowed: bool
) -> None:
    repository = server.create_repository(f"protected-{password}", token="s3cret")
    repository.commit({"file.yaml": "a: 1\n"})

    url = repository.url.replace("://", f"://token:{password}@")
    listing = git("-c", "credential.helper=", "ls-remote", url)

    assert (listing.returncode == 0) is allowed
    assert allowed or "Authentication failed" in listing.stderr


def test_unknown_repository_is_not_found(server: GitServer) -> None:
    listing = git("ls-remote", f"{server.url}/nothing.git")

    assert listing.returncode != 0
    assert "not found" in listing.stderr
