"""Hostile repositories: each leads to one clear problem, in bounded time.

A problem of one file leaves the others readable; one of the whole source is an error. Nothing may be executed,
and nothing outside the repository may be read.
"""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from activities.errors import PermanentError, TransientError
from activities.git.desired_state import MAX_FILES, DesiredStateCache
from activities.git.mirror import get_mirrors_folder
from fabrics.record.config import GitSource
from fabrics.resources.kinds import ALL_COMPARED_KINDS
from fabrics.resources.manifests.files import DesiredState
from settings import Settings
from tests.support.git.repositories import FILE, LINK, SUBMODULE, TREE, Repository

VPC = """\
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {name: vpc-1}
spec: {subnets: {}}
"""
COMMIT = "1" * 40


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Fail tests that take more than seconds of CPU, here and in git."""
    used = count_cpu_seconds()
    yield
    assert count_cpu_seconds() - used < 30


def count_cpu_seconds() -> float:
    """Return the CPU time of this process and of those that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def desired(source: GitSource, settings: Settings) -> DesiredState:
    return DesiredStateCache().read(source, settings).state


def error_of(source: GitSource, settings: Settings) -> str:
    with pytest.raises((PermanentError, TransientError)) as caught:
        DesiredStateCache().read(source, settings)
    return str(caught.value)


@pytest.mark.parametrize(
    ("mode", "name", "target", "problem"),
    [
        (LINK, "passwd.yaml", "/etc/passwd", "passwd.yaml:1: a symbolic link"),
        (LINK, "escape.yaml", "../../../../etc/passwd", "escape.yaml:1: a symbolic link"),
        (LINK, "inside.yaml", "vpc.yaml", "inside.yaml:1: a symbolic link"),
        (LINK, "folder", "/etc", "folder:1: a symbolic link"),
        (SUBMODULE, "library", "", "library:1: a submodule"),
        (SUBMODULE, "library.yaml", "", "library.yaml:1: a submodule"),
    ],
)
def test_links_and_submodules_are_not_followed(  # noqa: PLR0917
    mode: str, name: str, target: str, problem: str, repository: Repository, settings: Settings
) -> None:
    object_id = repository.blob(target) if mode == LINK else COMMIT
    entries = [(FILE, "vpc.yaml", repository.blob(VPC)), (mode, name, object_id)]
    repository.commit(repository.tree(*sorted(entries, key=lambda entry: entry[1])))

    state = desired(repository.source(), settings)

    assert [str(actual)[: len(problem)] for actual in state.problems] == [problem]
    assert [key.name for key in state.resources] == ["vpc-1"]
    assert state.incomplete_kinds == ALL_COMPARED_KINDS, "the target may hold any object"


def test_links_beside_manifests_are_ignored(repository: Repository, settings: Settings) -> None:
    link = repository.blob("/etc/passwd")
    hidden = repository.tree((LINK, "x.yaml", link))
    manifests = (FILE, "vpc.yaml", repository.blob(VPC))
    repository.commit(
        repository.tree((TREE, ".github", hidden), (LINK, "README.md", link), manifests)
    )

    state = desired(repository.source(), settings)

    assert state.problems == ()
    assert len(state.resources) == 1


@pytest.mark.parametrize(("mode", "target"), [(LINK, "/etc"), (LINK, "."), (SUBMODULE, "")])
def test_directory_that_is_a_link_is_refused(
    mode: str, target: str, repository: Repository, settings: Settings
) -> None:
    object_id = repository.blob(target) if mode == LINK else COMMIT
    repository.commit(repository.tree((mode, "oslo", object_id)))

    sentence = error_of(repository.source("oslo"), settings)

    assert sentence.startswith("The path oslo ")
    assert "check hh_git_directory" in sentence


@pytest.mark.parametrize(
    "directory", ["..", "../etc", "a/../../etc", "./a", "a/./b", "a\nb", "a\0"]
)
def test_directories_outside_the_repository_are_refused(
    directory: str, repository: Repository, settings: Settings
) -> None:
    repository.commit_files({"a.yaml": VPC})

    assert "hh_git_directory must be a path" in error_of(repository.source(directory), settings)


@pytest.mark.parametrize("directory", ["--help", "-r", ":(top)", "*", "^{/x}", "@{u}", "a:b"])
def test_directory_name_is_never_option_or_pattern(
    directory: str, repository: Repository, settings: Settings
) -> None:
    repository.commit_files({"a.yaml": VPC})
    assert "does not exist in branch main" in error_of(repository.source(directory), settings)

    repository.commit_files({f"{directory}/a.yaml": VPC})
    assert len(desired(repository.source(directory), settings).resources) == 1


@pytest.mark.parametrize(
    "branch",
    [
        "--upload-pack=touch /tmp/x",
        "-x",
        "",
        "a..b",
        "a b",
        "*",
        "main:refs/heads/x",
        "+main",
        "^main",
        "@{-1}",
        "a\nb",
        "/main",
        "main/",
        "main.lock",
        "HEAD~1",
    ],
)
def test_invalid_branch_names_are_refused(
    branch: str, repository: Repository, settings: Settings
) -> None:
    repository.commit_files({"a.yaml": VPC})

    assert "branch" in error_of(repository.source(branch=branch), settings)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% executed",
        "ext::sh",
        "fd::3",
        "--upload-pack=touch executed",
        "-c",
        "file://localhost/etc",
        "/etc",
        "../fleet.git",
        "ssh://-oProxyCommand=touch executed/x",
        "ssh://-oProxyCommand=touch/x",
        "-oProxyCommand=touch:x",
        "git://127.0.0.1/x",
        "ftp://127.0.0.1/x",
        "http::http://127.0.0.1/x",
        "https://user:word@127.0.0.1/x",
    ],
)
def test_dangerous_urls_are_refused(
    url: str,
    repository: Repository,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    source = repository.source().model_copy(update={"repository": url})

    assert "hh_git_repository" in error_of(source, settings)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["..", ".", ".git", "a/b", ".GIT"])
def test_trees_with_invalid_names_are_refused(
    name: str, repository: Repository, settings: Settings
) -> None:
    inner = repository.tree((FILE, "a.yaml", repository.blob(VPC)))
    repository.commit(repository.tree((TREE, name, inner)))

    assert "fails git's own checks" in error_of(repository.source(), settings)


def test_malicious_gitmodules_are_refused(repository: Repository, settings: Settings) -> None:
    modules = '[submodule "x"]\n path = x\n url = --upload-pack=touch /tmp/executed\n'
    repository.commit_files({".gitmodules": modules, "a.yaml": VPC})

    assert "fails git's own checks" in error_of(repository.source(), settings)


def test_filters_and_attributes_are_ignored(repository: Repository, settings: Settings) -> None:
    attributes = "*.yaml filter=evil diff=evil text eol=crlf working-tree-encoding=UTF-16\n"
    repository.commit_files({".gitattributes": attributes, "a.yaml": VPC})

    assert len(desired(repository.source(), settings).resources) == 1


def test_hooks_are_not_run(repository: Repository, settings: Settings, tmp_path: Path) -> None:
    """Not even one that got into the worker's mirror."""
    repository.commit_files({"a.yaml": VPC})
    assert desired(repository.source(), settings).resources
    (head,) = get_mirrors_folder(settings).glob("*/HEAD")
    mirror, executed = Repository(head.parent), tmp_path / "executed"
    hook = mirror.path / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {executed}\n")
    hook.chmod(0o755)
    commit = repository.commit_files({"a.yaml": VPC.replace("vpc-1", "vpc-2")})

    assert [key.name for key in desired(repository.source(), settings).resources] == ["vpc-2"]

    assert not executed.exists()
    mirror.git("update-ref", "refs/heads/other", commit)
    assert executed.exists(), "git by itself would run it"


def test_file_of_100_mb_is_not_read(repository: Repository, settings: Settings) -> None:
    repository.commit_files({"large.yaml": b"# spam\n" * 15_000_000, "vpc.yaml": VPC})

    tracemalloc.start()
    state = desired(repository.source(), settings)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [str(problem) for problem in state.problems] == [
        "large.yaml:1: larger than 16 MB (100 MB); split it."
    ]
    assert len(state.resources) == 1
    assert peak < 10_000_000


def test_tree_bomb_of_files_is_refused(repository: Repository, settings: Settings) -> None:
    tree = repository.tree((FILE, "a.yaml", repository.blob(VPC)))
    for _ in range(9):
        tree = repository.tree(*((TREE, f"d{number}", tree) for number in range(10)))
    repository.commit(tree)

    assert "too many files" in error_of(repository.source(), settings)


def test_tree_bomb_without_files_is_refused(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # git would read trees until the time limit, with all of a processor.
    monkeypatch.setattr("activities.git.mirror.LOCAL_TIMEOUT_SECONDS", 4.0)
    tree = repository.tree()
    for _ in range(9):
        tree = repository.tree(*((TREE, f"d{number}", tree) for number in range(10)))
    repository.commit(tree)

    assert "too many files" in error_of(repository.source(), settings)


def test_too_many_manifests_are_refused(repository: Repository, settings: Settings) -> None:
    blob = repository.blob(VPC)
    entries = ((FILE, f"{number:06}.yaml", blob) for number in range(MAX_FILES + 1))
    repository.commit(repository.tree(*entries))

    sentence = error_of(repository.source(), settings)

    assert f"more than {MAX_FILES} manifests" in sentence


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"two\nlines.yaml", "two\\nlines.yaml"), (b"\xff\xfe.yaml", "\\xff\\xfe.yaml")],
)
def test_undecodable_file_names_are_escaped(
    name: bytes, shown: str, repository: Repository, settings: Settings
) -> None:
    repository.commit(repository.tree((FILE, name, repository.blob("a: ["))))

    (problem,) = desired(repository.source(), settings).problems

    assert problem.path == shown


def test_lfs_pointer_is_a_problem(repository: Repository, settings: Settings) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    repository.commit_files({"vpc.yaml": pointer})

    state = desired(repository.source(), settings)

    assert [str(problem) for problem in state.problems] == [
        "vpc.yaml:1: kept in Git LFS, which is not followed; commit the manifests themselves."
    ]
    assert state.incomplete_kinds == ALL_COMPARED_KINDS
