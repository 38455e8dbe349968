"""A list that is suddenly empty is doubted, unless Git gives the objects up too."""

from fabrics.drift import LiveState
from fabrics.drift.sanity_checks import (
    drop_kinds,
    explain_suddenly_empty,
    find_kinds_no_longer_served,
    find_suddenly_empty_kinds,
)
from fabrics.resources.kinds import ALL_COMPARED_KINDS, COMPARED_KINDS, get_kind
from fabrics.resources.manifests import DesiredState
from tests.support.fabrics.objects import desired, manifest

SERVER, VPC = get_kind("Server"), get_kind("VPC")
NOTHING = LiveState({kind: () for kind in COMPARED_KINDS})


def in_git(*kinds: str) -> DesiredState:
    """One object of each kind in Git."""
    return desired(*(manifest(kind, "a") for kind in kinds))


def test_what_git_still_asks_for_is_doubted() -> None:
    before = {"Server": 3, "VPC": 2}
    assert find_suddenly_empty_kinds(NOTHING, in_git("Server"), before) == {SERVER: 3}
    assert find_suddenly_empty_kinds(NOTHING, in_git("Server", "VPC"), before) == {
        SERVER: 3,
        VPC: 2,
    }


def test_what_git_gave_up_too_is_believed() -> None:
    assert find_suddenly_empty_kinds(NOTHING, in_git(), {"Server": 3}) == {}


def test_what_was_empty_before_is_believed() -> None:
    assert find_suddenly_empty_kinds(NOTHING, in_git("Server"), {}) == {}


def test_without_git_nothing_vouches() -> None:
    assert find_suddenly_empty_kinds(NOTHING, None, {"Server": 3}) == {SERVER: 3}


def test_a_kind_that_a_broken_file_may_be_about_is_doubted() -> None:
    broken = DesiredState({}, incomplete_kinds=ALL_COMPARED_KINDS)
    assert find_suddenly_empty_kinds(NOTHING, broken, {"VPC": 2}) == {VPC: 2}


def test_a_kind_that_is_not_served_is_another_matter() -> None:
    withdrawn = LiveState({}, unserved_kinds=frozenset({SERVER, VPC}))
    assert find_suddenly_empty_kinds(withdrawn, in_git("Server"), {"Server": 3}) == {}
    assert find_kinds_no_longer_served(withdrawn, {"Server": 3, "Switch": 1}) == {SERVER: 3}
    assert find_kinds_no_longer_served(NOTHING, {"Server": 3}) == {}


def test_nothing_is_concluded_of_doubted_kinds() -> None:
    assert SERVER not in drop_kinds(NOTHING, {SERVER: 3}).resources
    assert VPC in drop_kinds(NOTHING, {SERVER: 3}).resources
    assert "starter.py sync berlin --accept-empty" in explain_suddenly_empty(
        SERVER, 3, "berlin", None
    )
