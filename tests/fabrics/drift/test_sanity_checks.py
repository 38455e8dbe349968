"""A list that is suddenly empty is doubted, unless Git gives the objects up too."""

from fabrics.drift import Live
from fabrics.drift.sanity_checks import emptied_sentence, no_longer_served, suddenly_empty, without
from fabrics.resources.kinds import ALL_KINDS, KINDS, kind_named
from fabrics.resources.manifests import Desired
from tests.support.fabrics.objects import desired, manifest

SERVER, VPC = kind_named("Server"), kind_named("VPC")
NOTHING = Live({kind: () for kind in KINDS})


def in_git(*kinds: str) -> Desired:
    """One object of each kind in Git."""
    return desired(*(manifest(kind, "a") for kind in kinds))


def test_what_git_still_asks_for_is_doubted() -> None:
    before = {"Server": 3, "VPC": 2}
    assert suddenly_empty(NOTHING, in_git("Server"), before) == {SERVER: 3}
    assert suddenly_empty(NOTHING, in_git("Server", "VPC"), before) == {SERVER: 3, VPC: 2}


def test_what_git_gave_up_too_is_believed() -> None:
    assert suddenly_empty(NOTHING, in_git(), {"Server": 3}) == {}


def test_what_was_empty_before_is_believed() -> None:
    assert suddenly_empty(NOTHING, in_git("Server"), {}) == {}


def test_without_git_nothing_vouches() -> None:
    assert suddenly_empty(NOTHING, None, {"Server": 3}) == {SERVER: 3}


def test_a_kind_that_a_broken_file_may_be_about_is_doubted() -> None:
    broken = Desired({}, tainted=ALL_KINDS)
    assert suddenly_empty(NOTHING, broken, {"VPC": 2}) == {VPC: 2}


def test_a_kind_that_is_not_served_is_another_matter() -> None:
    withdrawn = Live({}, not_served=frozenset({SERVER, VPC}))
    assert suddenly_empty(withdrawn, in_git("Server"), {"Server": 3}) == {}
    assert no_longer_served(withdrawn, {"Server": 3, "Switch": 1}) == {SERVER: 3}
    assert no_longer_served(NOTHING, {"Server": 3}) == {}


def test_nothing_is_concluded_of_doubted_kinds() -> None:
    assert SERVER not in without(NOTHING, {SERVER: 3}).resources
    assert VPC in without(NOTHING, {SERVER: 3}).resources
    assert "starter.py sync berlin --accept-empty" in emptied_sentence(SERVER, 3, "berlin", None)
