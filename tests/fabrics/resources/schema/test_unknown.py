"""Fields of unknown structure: Git's are compared strictly, live ones are named."""

import json

import pytest

from fabrics.resources.json_types import Json
from fabrics.resources.schema import unknown
from fabrics.resources.schema.base import DifferenceReason, dump_sorted_json
from fabrics.resources.schema.types import Scalar, Struct
from fabrics.resources.schema.unknown import MAX_DEPTH, TOO_DEEP

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


def nest(value: Json, levels: int, *, in_lists: bool = False) -> Json:
    """Return a value inside so many mappings or lists."""
    for _ in range(levels):
        value = [value] if in_lists else {"a": value}
    return value


def test_list_that_differs_deep_inside_is_one_difference() -> None:
    git, cluster = (nest(['"', end], MAX_DEPTH - 4, in_lists=True) for end in ("x", "y"))
    assert compare(git, cluster) == [("x", DRIFT)]
    reordered = nest(["x", '"'], MAX_DEPTH - 4, in_lists=True)
    assert [reason for _, reason in compare(git, reordered)] == [ORDER]


@pytest.mark.parametrize("in_lists", [False, True])
@pytest.mark.parametrize("schema", [Struct({}), Struct({"x": Scalar()}), Struct({"x": Struct({})})])
def test_what_is_nested_too_deep_is_not_compared(schema: Struct, in_lists: bool) -> None:
    git, one, other = (
        schema.normalize({"x": nest(end, levels, in_lists=in_lists)})
        for end, levels in (("end", MAX_DEPTH - 2), ("one", 900), ("other", 900))
    )
    assert one == other
    assert TOO_DEEP in json.dumps(one)
    assert schema.normalize(one) == one
    (difference,) = schema.diff("", git, one)
    assert (difference.reason, difference.is_known) == (DRIFT, False)
    (difference,) = schema.diff("", {}, one)
    assert difference.reason is LIVE


def test_value_is_read_few_times_however_deep_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    dumped: list[Json] = []

    def count(value: Json) -> str:
        dumped.append(value)
        return dump_sorted_json(value)

    monkeypatch.setattr(unknown, "dump_sorted_json", count)
    numbers = range(100)
    git: Json = [*numbers]
    cluster: Json = [*(number + 1 for number in numbers)]
    for _ in range(MAX_DEPTH - 2):
        git, cluster = [git, 0], [cluster, 0]
    assert compare(git, cluster) == [("x", DRIFT)]
    assert len(dumped) < 10 * (len(numbers) + MAX_DEPTH)


def test_order_is_ignored_at_any_depth() -> None:
    assert compare([[[1, 2], [3]], 4], [4, [[3], [2, 1]]]) == [("x", ORDER)]
    assert compare([{"a": [1, 2]}, 4], [4, {"a": [2, 1]}]) == [("x", ORDER)]
    assert compare([["1,2"]], [["1", "2"]]) == [("x[0]", DRIFT), ("x", DRIFT)][1:]
