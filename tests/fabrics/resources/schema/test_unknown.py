"""Fields of unknown structure: Git's are compared strictly, live ones are named."""

import pytest

from fabrics.resources.json_types import Json
from fabrics.resources.schema.base import DifferenceReason
from fabrics.resources.schema.types import Struct

DRIFT, LIVE, ORDER = (
    DifferenceReason.DRIFT,
    DifferenceReason.UNKNOWN_LIVE,
    DifferenceReason.ORDER,
)
EMPTY: list[Json] = [{}, [], "", 0, False]

type Found = list[tuple[str, DifferenceReason]]


def compare(desired: Json, live: Json) -> Found:
    """Return where the unknown field `x` of two structs differs, and why."""
    schema = Struct({})
    git, cluster = (schema.normalize({"x": value}) for value in (desired, live))
    differences = list(schema.diff("", git, cluster))
    assert not any(difference.is_known for difference in differences)
    return [(difference.path, difference.reason) for difference in differences]


@pytest.mark.parametrize("value", EMPTY, ids=repr)
def test_empty_value_that_git_states_is_not_absent(value: Json) -> None:
    assert compare(value, None) == [("x", DRIFT)]
    assert compare({"y": value}, {}) == [("x.y", DRIFT)]
    assert compare(value, value) == []


@pytest.mark.parametrize("value", [*EMPTY, {"y": {"z": {}}}, {"y": 0}], ids=repr)
def test_empty_live_value_is_not_even_named(value: Json) -> None:
    assert compare(None, value) == []
    assert compare({"a": 1}, {"a": 1, "b": value}) == []


@pytest.mark.parametrize("value", [{"y": 1}, ["y"], [{}], "y", 1, True], ids=repr)
def test_live_value_is_named_and_no_drift(value: Json) -> None:
    assert compare(None, value) == [("x", LIVE)]
    assert compare({"a": {"b": 1}}, {"a": {"b": 1, "c": value}}) == [("x.a.c", LIVE)]
    assert compare({}, {"c": value}) == [("x.c", LIVE)]


@pytest.mark.parametrize(
    ("desired", "live"),
    [(1, 2), (1, True), (1, "1"), ("a", {}), ({}, []), ([1], {"a": 1}), ({"a": 1}, [1])],
    ids=repr,
)
def test_other_value_is_drift(desired: Json, live: Json) -> None:
    assert compare(desired, live) == [("x", DRIFT)]


def test_null_is_absent() -> None:
    assert compare({"a": None}, {}) == []
    assert compare(None, {"a": None}) == []
    assert compare({"a": {"b": None}}, {"a": {}}) == []


@pytest.mark.parametrize(
    ("desired", "live", "reason"),
    [
        (["a", "b"], ["b", "a"], ORDER),
        ([{"a": 1, "b": 2}, {"a": 2}], [{"a": 2}, {"b": 2, "a": 1}], ORDER),
        (["a", "b"], ["a", "b", "b"], DRIFT),
        (["a", "a", "b"], ["a", "b", "b"], DRIFT),
        ([1, True], [True, True], DRIFT),
        (["a"], [], DRIFT),
        (["a"], None, DRIFT),
        (None, ["a"], LIVE),
    ],
    ids=repr,
)
def test_only_the_order_of_a_list_does_not_count(
    desired: Json, live: Json, reason: DifferenceReason
) -> None:
    assert compare(desired, live) == [("x", reason)]
    assert compare({"y": desired}, {"y": live}) == [("x.y", reason)]
