"""The cache of parsed files: one parse after an edit, else none."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.errors import PermanentError
from activities.git import desired_state
from activities.git.desired_state import OBJECT_BYTES, DesiredRevision, DesiredStateCache
from fabrics.resources.manifests.files import ParsedFile, parse_manifests
from settings import Settings
from tests.support.git.repositories import Repository


def vpc(name: str, vlan: int = 1001) -> str:
    return (
        "apiVersion: vpc.githedgehog.com/v1beta1\n"
        "kind: VPC\n"
        f"metadata: {{name: {name}}}\n"
        f"spec: {{subnets: {{default: {{subnet: 10.0.1.0/24, vlan: {vlan}}}}}}}\n"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files parsed so far."""
    paths: list[str] = []

    def counting(path: str, data: bytes) -> ParsedFile:
        paths.append(path)
        return parse_manifests(path, data)

    monkeypatch.setattr(desired_state, "parse_manifests", counting)
    return paths


def test_only_edited_files_are_parsed(
    repository: Repository, settings: Settings, parsed: list[str]
) -> None:
    states, source = DesiredStateCache(), repository.source("oslo")
    files = {f"oslo/vpc-{number}.yaml": vpc(f"vpc-{number}") for number in range(20)}
    repository.commit_files(files)
    first = states.read(source, settings)
    assert sorted(parsed) == sorted(files)

    parsed.clear()
    assert states.read(source, settings) == first
    assert parsed == []

    files["oslo/vpc-7.yaml"] = vpc("vpc-7", vlan=1007)
    commit = repository.commit_files(files)
    second = states.read(source, settings)
    assert parsed == ["oslo/vpc-7.yaml"]
    assert second.commit == commit
    changed = [
        key.name
        for key in first.state.resources
        if first.state.resources[key] != second.state.resources[key]
    ]
    assert changed == ["vpc-7"]

    parsed.clear()
    files["README.md"] = "not a manifest"
    repository.commit_files(files)
    assert states.read(source, settings).state == second.state
    assert parsed == []


def test_unchanged_branch_needs_no_mirror(repository: Repository, settings: Settings) -> None:
    states = DesiredStateCache()
    repository.commit_files({f"{name}/vpc.yaml": vpc("vpc-1") for name in ("oslo", "bergen")})
    first = states.read(repository.source("oslo"), settings)

    shutil.rmtree(settings.cache_dir / "git")

    assert states.read(repository.source("oslo"), settings) is first
    assert len(states.read(repository.source("bergen"), settings).state.resources) == 1


def test_equal_files_of_two_fabrics_keep_their_paths(
    repository: Repository, settings: Settings
) -> None:
    states = DesiredStateCache()
    repository.commit_files({"oslo/vpc.yaml": vpc("vpc-1"), "bergen/vpc.yaml": vpc("vpc-1")})

    sources = {
        str(resource.source)
        for directory in ("oslo", "bergen")
        for resource in states.read(repository.source(directory), settings).state.resources.values()
    }

    assert sources == {"oslo/vpc.yaml:1", "bergen/vpc.yaml:1"}


def test_cache_is_bounded(
    repository: Repository,
    settings: Settings,
    parsed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desired_state, "MAX_CACHED_OBJECTS", 10)
    states, source = DesiredStateCache(), repository.source()
    small = {f"{number}.yaml": vpc(f"vpc-{number}") for number in range(8)}
    large = "---\n".join(vpc(f"many-{number}") for number in range(10))
    repository.commit_files({**small, "large.yaml": large})

    assert len(states.read(source, settings).state.resources) == 18
    parsed.clear()
    assert len(states.read(source, settings).state.resources) == 18

    assert "large.yaml" in parsed
    assert len(parsed) == 4, "five files of two each fit"


def test_large_objects_count_as_several(
    repository: Repository,
    settings: Settings,
    parsed: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(desired_state, "MAX_CACHED_OBJECTS", 10)
    states, source = DesiredStateCache(), repository.source()
    large = "metadata: {annotations: {text: " + "x" * 2 * OBJECT_BYTES + "}, name:"
    files = {
        f"{number}.yaml": vpc(f"vpc-{number}").replace("metadata: {name:", large)
        for number in range(8)
    }
    repository.commit_files(files)

    assert len(states.read(source, settings).state.resources) == 8
    parsed.clear()
    assert len(states.read(source, settings).state.resources) == 8

    assert len(parsed) == 5, "three files of three each fit"


def test_large_file_that_is_not_read_is_cached_as_a_small_one(
    repository: Repository, settings: Settings, parsed: list[str]
) -> None:
    states, source = DesiredStateCache(), repository.source()
    repository.commit_files({"large.yaml": b"# spam\n" * 15_000_000, "vpc.yaml": vpc("vpc-1")})

    first = states.read(source, settings)

    assert states.read(source, settings) is first
    assert parsed == ["vpc.yaml"]


def test_threads_may_share_the_cache(repository: Repository, settings: Settings) -> None:
    states = DesiredStateCache()
    names = [f"fabric-{number}" for number in range(6)]
    repository.commit_files({f"{name}/vpc.yaml": vpc(name) for name in names})

    with ThreadPoolExecutor(6) as pool:
        results = list(
            pool.map(lambda name: states.read(repository.source(name), settings).state, names)
        )

    assert [[key.name for key in state.resources] for state in results] == [
        [name] for name in names
    ]


@pytest.mark.parametrize("limit", [{"MAX_FILES": 2}, {"MAX_BYTES": 2 * len(vpc("vpc-1"))}], ids=str)
def test_fabric_with_too_many_or_too_large_manifests_is_refused(
    limit: dict[str, int],
    repository: Repository,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Files that were read before count, too."""
    for name, value in limit.items():
        monkeypatch.setattr(desired_state, name, value)
    states, source = DesiredStateCache(), repository.source("oslo")
    files = {f"oslo/{number}.yaml": vpc(f"vpc-{number}") for number in range(2)}
    commit = repository.commit_files(files)
    assert states.read(source, settings).commit == commit
    repository.commit_files(files | {"oslo/2.yaml": vpc("vpc-2")})
    with pytest.raises(PermanentError, match="name a directory in hh_git_directory"):
        states.read(source, settings)


def test_fabric_with_too_many_values_is_refused(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that were read before count, too."""
    monkeypatch.setattr(desired_state, "MAX_VALUES", 2_000)
    states, source = DesiredStateCache(), repository.source("oslo")
    tiny = f"{vpc('a')}---\nx: [{'[],' * 1_500}]\n"
    commit = repository.commit_files({"oslo/a.yaml": tiny})
    assert states.read(source, settings).commit == commit
    repository.commit_files({"oslo/a.yaml": tiny, "oslo/b.yaml": tiny.replace("a", "b")})
    with pytest.raises(PermanentError, match=r"2,000 values of them in .*: name a directory"):
        states.read(source, settings)


def test_commit_with_too_many_values_is_not_parsed_again(
    repository: Repository, settings: Settings, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desired_state, "MAX_VALUES", 2_000)
    states, source = DesiredStateCache(), repository.source("oslo")
    repository.commit_files({"oslo/a.yaml": f"x: [{'[],' * 3_000}]\n"})
    for _ in range(2):
        with pytest.raises(PermanentError, match="2,000 values"):
            states.read(source, settings)
    assert len(parsed) == 1
    repository.commit_files({"oslo/a.yaml": vpc("a")})
    assert states.read(source, settings).state.resources


def committers(revision: DesiredRevision) -> dict[str, str]:
    """Return the names of those who touched files last, as far as they are known."""
    return {path: author.name for path, author in revision.authors.items()}


def test_author_is_known_of_files_that_a_single_commit_touched(
    repository: Repository, settings: Settings
) -> None:
    states, source = DesiredStateCache(), repository.source("oslo")
    files: dict[str, bytes | str] = {f"oslo/{name}.yaml": vpc(name) for name in "abc"}
    first = repository.commit_files(files)
    assert committers(states.read(source, settings)) == {}

    edited = files | {"oslo/a.yaml": vpc("a", 1002), "oslo/d.yaml": vpc("d")}
    second = repository.commit_files(edited, parents=[first])
    revision = states.read(source, settings)
    assert committers(revision) == dict.fromkeys(("oslo/a.yaml", "oslo/d.yaml"), "Fabric Sync")
    assert abs(datetime.now(UTC) - revision.authors["oslo/a.yaml"].time) < timedelta(hours=1)

    del edited["oslo/d.yaml"]
    third = repository.commit_files(edited | {"README.md": "text"}, parents=[second])
    assert committers(states.read(source, settings)) == {"oslo/a.yaml": "Fabric Sync"}

    moved = {"oslo/e.yaml": edited.pop("oslo/a.yaml"), **edited}
    repository.commit_files(moved, parents=[third])
    assert committers(states.read(source, settings)) == {"oslo/e.yaml": "Fabric Sync"}


@pytest.mark.parametrize("between", ["merge", "several", "unrelated"])
def test_author_is_unknown_if_more_than_one_commit_may_have_touched_a_file(
    repository: Repository, settings: Settings, between: str
) -> None:
    states, source = DesiredStateCache(), repository.source("oslo")
    files: dict[str, bytes | str] = {"oslo/a.yaml": vpc("a"), "oslo/b.yaml": vpc("b")}
    first = repository.commit_files(files)
    states.read(source, settings)
    other = repository.commit_files(files | {"oslo/b.yaml": vpc("b", 1002)}, "topic", [first])
    parents = {"merge": [first, other], "several": [other], "unrelated": []}[between]
    repository.commit_files(files | {"oslo/a.yaml": vpc("a", 1003)}, parents=parents)
    assert committers(states.read(source, settings)) == {}
