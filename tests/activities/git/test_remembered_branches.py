"""Of how many branches the last commit is remembered."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from activities.connections import Deadline
from activities.git import mirror_updates
from activities.git.mirror import GitMirror
from activities.git.mirror_updates import MirrorUpdates
from settings import Settings


@dataclass
class Mirror:
    """A mirror of a branch that never changes; counts its fetches."""

    branch: str
    settings: Settings
    fetches: int = 0
    access: str = ""
    source: SimpleNamespace = field(init=False)

    def __post_init__(self) -> None:
        self.source = SimpleNamespace(repository="https://git.example/a", branch=self.branch)

    def is_at(self, *_arguments: object) -> bool:
        return True

    def fetch(self, _deadline: Deadline) -> str:
        self.fetches += 1
        return "c" * 40


def test_branch_that_was_not_asked_for_the_longest_time_is_fetched_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror_updates, "MAX_BRANCHES", 2)
    updates, mirrors = MirrorUpdates(), [Mirror(name, settings) for name in ("a", "b", "c")]
    first, second, third = mirrors
    for mirror in (first, second, second, third, first):
        updates.fetch_commit(cast(GitMirror, mirror))
    assert [mirror.fetches for mirror in (first, second, third)] == [2, 1, 1]
