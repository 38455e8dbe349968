"""The file of rules in Git: which one is read, and what it costs."""

from collections.abc import Collection
from pathlib import Path

import pytest

from activities.git.desired_state import DesiredStateCache
from activities.git.mirror import GitMirror
from fabrics.drift.acceptance.rules import MAX_BYTES, AcceptRules
from settings import Settings
from tests.support.git.repositories import FILE, LINK, SUBMODULE, TREE, Repository

RULE = '[[accept]]\nkind = "VPC"\nname = "a"\nreason = "r"\n'


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fleet.git")


def read(repository: Repository, settings: Settings, directory: str = "/") -> AcceptRules:
    return DesiredStateCache().read(repository.source(directory), settings).rules


def test_only_the_file_in_the_directory_itself_counts(
    repository: Repository, settings: Settings
) -> None:
    files = {
        f"{folder}.fabric-sync.toml": RULE.replace('"a"', f'"in {folder}"')
        for folder in ("", "oslo/", "oslo/deep/")
    }
    repository.commit_files(files | {"bergen/vpc.yaml": ""})
    [rule] = read(repository, settings, "/oslo/").rules
    assert (rule.name, str(rule.location)) == ("in oslo/", "oslo/.fabric-sync.toml:1")
    [root] = read(repository, settings).rules
    assert str(root.location) == ".fabric-sync.toml:1"
    assert read(repository, settings, "bergen") == AcceptRules()


def test_rules_are_read_once_a_commit(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, source = DesiredStateCache(), repository.source()
    repository.commit_files({".fabric-sync.toml": RULE})
    first = states.read(source, settings)

    def refuse(*_: object) -> None:
        raise AssertionError("An unchanged branch was read again.")

    with monkeypatch.context() as patches:
        patches.setattr(GitMirror, "read_contents", refuse)
        assert states.read(source, settings) is first
    repository.commit_files({".fabric-sync.toml": RULE * 2})
    assert len(states.read(source, settings).rules.rules) == 2


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [(LINK, "a symbolic link, which is not followed"), (SUBMODULE, "a submodule, which is")],
)
def test_links_and_submodules_are_not_followed(
    mode: str, sentence: str, repository: Repository, settings: Settings
) -> None:
    object_id = repository.blob("real.toml") if mode == LINK else "1" * 40
    entries = [(mode, ".fabric-sync.toml", object_id), (FILE, "real.toml", repository.blob(RULE))]
    repository.commit(repository.tree(*entries))
    rules = read(repository, settings)
    assert rules.rules == ()
    assert sentence in str(rules.problems[0])


def test_directory_of_that_name_holds_no_rules(repository: Repository, settings: Settings) -> None:
    folder = repository.tree((FILE, "a.toml", repository.blob(RULE)))
    repository.commit(repository.tree((TREE, ".fabric-sync.toml", folder)))
    assert read(repository, settings) == AcceptRules()


def test_large_file_is_not_read(
    repository: Repository, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = GitMirror.read_contents

    def note_ids(mirror: GitMirror, commit: str, blob_ids: Collection[str]) -> dict[str, bytes]:
        asked.extend(blob_ids)
        return original(mirror, commit, blob_ids)

    monkeypatch.setattr(GitMirror, "read_contents", note_ids)
    repository.commit_files({".fabric-sync.toml": RULE + "#\n" * MAX_BYTES})
    rules = read(repository, settings)
    assert (rules.rules, asked) == ((), [])
    assert "larger than 64 KB" in str(rules.problems[0])
