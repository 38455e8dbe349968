"""Sanity checks: kinds that are suddenly empty or no longer served."""

from fabrics.drift.empty_list_checks import (
    drop_kinds,
    explain_missing_kinds,
    explain_suddenly_empty,
    find_kinds_no_longer_served,
    find_suddenly_empty_kinds,
)
from fabrics.drift.model import LiveState
from fabrics.resources.kinds import ALL_COMPARED_KINDS, COMPARED_KINDS, get_kind
from fabrics.resources.manifests.files import DesiredState
from tests.support.fabrics.objects import desired, live, live_state, manifest

SERVER, VPC = get_kind("Server"), get_kind("VPC")
EMPTY = LiveState({kind: () for kind in COMPARED_KINDS})


def in_git(*kinds: str) -> DesiredState:
    """A desired state with one object of each kind."""
    return desired(*(manifest(kind, "a") for kind in kinds))


def test_kind_is_suddenly_empty_while_git_defines_objects() -> None:
    before = {"Server": 3, "VPC": 2}
    assert find_suddenly_empty_kinds(EMPTY, in_git("Server"), before) == {SERVER: 3}
    assert find_suddenly_empty_kinds(EMPTY, in_git("Server", "VPC"), before) == {SERVER: 3, VPC: 2}


def test_empty_list_is_accepted_if_git_is_empty_too() -> None:
    assert find_suddenly_empty_kinds(EMPTY, in_git(), {"Server": 3}) == {}


def test_list_that_was_empty_before_is_accepted() -> None:
    assert find_suddenly_empty_kinds(EMPTY, in_git("Server"), {}) == {}


def test_kind_is_suddenly_empty_without_desired_state() -> None:
    assert find_suddenly_empty_kinds(EMPTY, None, {"Server": 3}) == {SERVER: 3}


def test_kind_is_suddenly_empty_if_unreadable_file_may_define_objects() -> None:
    broken = DesiredState({}, incomplete_kinds=ALL_COMPARED_KINDS)
    assert find_suddenly_empty_kinds(EMPTY, broken, {"VPC": 2}) == {VPC: 2}


def test_unserved_kind_is_not_suddenly_empty() -> None:
    withdrawn = LiveState({}, unserved_kinds=frozenset({SERVER, VPC}))
    assert find_suddenly_empty_kinds(withdrawn, in_git("Server"), {"Server": 3}) == {}
    assert find_kinds_no_longer_served(withdrawn, {"Server": 3, "Switch": 1}) == {SERVER: 3}
    assert find_kinds_no_longer_served(EMPTY, {"Server": 3}) == {}


def test_suddenly_empty_kinds_are_dropped_and_explained() -> None:
    assert SERVER not in drop_kinds(EMPTY, {SERVER: 3}).resources
    assert VPC in drop_kinds(EMPTY, {SERVER: 3}).resources
    assert "starter.py sync berlin --accept-empty" in explain_suddenly_empty(SERVER, 3, "berlin")


def test_inventory_waits_while_an_expected_kind_is_missing() -> None:
    switches = live_state(live("Switch", "leaf-1"))
    assert explain_missing_kinds(switches, {"Switch": 3}, "dc") == ""
    reason = explain_missing_kinds(switches, {"Switch": 3, "VPC": 1, "Server": 2}, "dc")
    assert "no longer lists any Server, VPC," in reason
    assert "`starter.py sync dc --accept-empty`" in reason


def test_names_of_missing_kinds_are_limited() -> None:
    counts = {f"Kind{number}" + "x" * 1000: 1 for number in range(1000)}
    reason = explain_missing_kinds(EMPTY, counts, "dc")
    assert "and 980 more" in reason
    assert len(reason) < 2_000
