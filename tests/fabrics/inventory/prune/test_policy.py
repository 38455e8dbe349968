"""What may be deleted, and what has to wait."""

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift import LiveState
from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import make_plan
from fabrics.inventory.prune.absence import (
    MAX_ABSENCE_COUNTS_BYTES,
    decode_counts,
    encode_counts,
    forget_objects,
)
from fabrics.inventory.prune.policy import (
    CONFIRMED_ABSENCE_COUNT,
    MIN_ABSENT_SYNCS,
    PruneDecision,
    decide,
    deletes_digest,
    filter_surely_absent,
    missing_kinds_sentence,
)
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.live_samples import live_of
from tests.support.inventory.plans import DC1, plan
from tests.support.inventory.sample_objects import sample_objects
from tests.support.inventory.small_fabric import FRAME, cable

LARGE = {Model.CABLE: 100_000}


def cables(number: int) -> list[ExistingObject]:
    return [cable_row(each) for each in range(number)]


def cable_row(number: int) -> ExistingObject:
    return ExistingObject(ObjectId(Model.CABLE, number), f"Connection/default/{number}", {})


def judged(
    absent: list[ExistingObject], times: int, total: int, confirmed: str = ""
) -> PruneDecision:
    """The verdict when these were absent so many times in a row."""
    verdict = PruneDecision()
    for _ in range(times):
        verdict = decide(absent, verdict.absence_counts, {Model.CABLE: total}, confirmed)
    return verdict


def test_an_object_goes_when_three_syncs_in_a_row_have_missed_it() -> None:
    assert judged(cables(1), MIN_ABSENT_SYNCS - 1, 100).to_delete == ()
    assert judged(cables(1), MIN_ABSENT_SYNCS, 100).to_delete == tuple(cables(1))


def test_an_object_that_came_back_is_counted_anew() -> None:
    twice = judged(cables(1), MIN_ABSENT_SYNCS - 1, 100)
    back = decide([], twice.absence_counts, LARGE)
    assert back.absence_counts == {}
    assert decide(cables(1), back.absence_counts, LARGE).to_delete == ()


@pytest.mark.parametrize(
    ("number", "total", "waits"),
    [(10, 10, False), (11, 43, True), (11, 44, False), (26, 100, True)],
)
def test_many_deletes_wait_for_somebody(number: int, total: int, waits: bool) -> None:
    verdict = judged(cables(number), MIN_ABSENT_SYNCS, total)
    assert (len(verdict.to_confirm), len(verdict.to_delete)) == (
        (number, 0) if waits else (0, number)
    )


def test_what_disappears_little_by_little_is_as_much() -> None:
    verdict, rows = PruneDecision(), cables(44)
    for number in (9, 18, 27, 36):
        verdict = decide(rows[:number], verdict.absence_counts, {Model.CABLE: len(rows)})
        assert verdict.to_delete == ()
    assert verdict.to_confirm == tuple(rows[:18]), "those that three syncs have missed"
    confirmed = decide(rows[:36], verdict.absence_counts, {Model.CABLE: len(rows)}, verdict.digest)
    assert confirmed.to_delete == verdict.to_confirm
    left = forget_objects(confirmed.absence_counts, (each.id for each in confirmed.to_delete))
    after = decide(rows[18:36], left, {Model.CABLE: len(rows) - 18})
    assert (after.to_delete, after.to_confirm) == ((), tuple(rows[18:36]))


def test_a_confirmation_is_for_what_was_shown() -> None:
    shown = judged(cables(11), MIN_ABSENT_SYNCS, 11)
    assert decide(cables(11), shown.absence_counts, {Model.CABLE: 11}, shown.digest).to_delete
    counts = dict.fromkeys((each.id for each in cables(12)), MIN_ABSENT_SYNCS)
    more = decide(cables(12), encode_counts(counts), {Model.CABLE: 12}, shown.digest)
    assert more.to_delete == ()
    assert more.digest != shown.digest


def test_a_confirmation_stands_when_others_go_too_and_when_some_are_back() -> None:
    twelfth = cables(12)[-1]
    shown = decide(
        cables(12),
        encode_counts({each.id: MIN_ABSENT_SYNCS for each in cables(11)} | {twelfth.id: 1}),
        {},
    )
    assert shown.to_confirm == tuple(cables(11))
    confirming = decide(cables(12), shown.absence_counts, {}, shown.digest)
    assert (confirming.to_delete, confirming.to_confirm) == (tuple(cables(11)), ())
    left = forget_objects(confirming.absence_counts, (each.id for each in confirming.to_delete))
    assert decide([twelfth], left, {Model.CABLE: 1}).to_delete == (twelfth,)
    assert decide(cables(10), shown.absence_counts, {}, shown.digest).to_delete == tuple(cables(10))


def test_a_confirmation_stands_when_some_of_it_is_done() -> None:
    shown = judged(cables(30), MIN_ABSENT_SYNCS, 30)
    left = cables(30)[15:]
    assert decide(left, shown.absence_counts, {Model.CABLE: 15}).to_confirm == tuple(left)
    assert decide(left, shown.absence_counts, {Model.CABLE: 15}, shown.digest).to_delete == tuple(
        left
    )


def test_what_was_agreed_to_and_cannot_go_yet_is_not_asked_about_again() -> None:
    shown = judged(cables(22), MIN_ABSENT_SYNCS, 40)
    held = cables(11)
    confirmed = decide(held, shown.absence_counts, {Model.CABLE: 40}, shown.digest)
    following = decide(cables(13), confirmed.absence_counts, {Model.CABLE: 40})
    assert (following.to_delete, following.to_confirm) == (tuple(held), ())
    later = following
    for _ in range(MIN_ABSENT_SYNCS - 1):
        later = decide(cables(24), later.absence_counts, {Model.CABLE: 40})
    assert (later.to_delete, later.to_confirm) == (tuple(held), tuple(cables(13)[11:])), (
        "13 others are much"
    )
    assert later.digest == deletes_digest(each.id for each in later.to_confirm)
    second = decide(cables(24), later.absence_counts, {Model.CABLE: 40}, later.digest)
    assert second.to_delete == tuple(cables(13))
    back = decide(cables(24)[11:], second.absence_counts, {Model.CABLE: 40})
    assert decide(held, back.absence_counts, {Model.CABLE: 40}).to_delete == (), (
        "they have been there again"
    )


@pytest.mark.parametrize("step", [1, 3])
def test_a_whole_fabric_is_counted_at_once(step: int) -> None:
    """Its rows are written side by side, so that ids of one sort take turns with others."""
    verdict = judged(cables(20_000)[::step], MIN_ABSENT_SYNCS, 10**6)
    assert (
        len(verdict.to_delete) == len(decode_counts(verdict.absence_counts)) == -(-20_000 // step)
    )
    assert len(json.dumps(verdict.absence_counts)) < 150


def test_what_cannot_be_counted_yet_waits_and_counts_as_much() -> None:
    numbers = sorted(Random(1).sample(range(10**8), 4_000))
    verdict = judged([cable_row(each) for each in numbers], MIN_ABSENT_SYNCS, 10**6)
    some = len(verdict.to_delete)
    assert (
        0.98 * MAX_ABSENCE_COUNTS_BYTES
        < len(json.dumps(verdict.absence_counts))
        <= MAX_ABSENCE_COUNTS_BYTES
    )
    assert 1_000 < some < 2_000
    left = [cable_row(each) for each in numbers[some:]]
    rest = forget_objects(verdict.absence_counts, (each.id for each in verdict.to_delete))
    assert rest == {}
    following = judged(left[:some], MIN_ABSENT_SYNCS, 10**6)
    assert following.to_delete == tuple(left[:some])
    shown = judged(left, MIN_ABSENT_SYNCS, 4_000)
    assert shown.to_confirm == tuple(left[: len(shown.to_confirm)])
    assert decide(left, shown.absence_counts, {}, shown.digest).to_delete == shown.to_confirm


def test_the_form_of_loops_that_are_under_way_is_understood() -> None:
    cable = list(Model).index(Model.CABLE)
    assert decode_counts({f"{cable}:2-3": 2, f"{cable}:7-7": 1}) == {
        cable_row(2).id: 2,
        cable_row(3).id: 2,
        cable_row(7).id: 1,
    }


def test_nothing_is_concluded_about_kinds_that_were_not_read() -> None:
    read = live_state(live("Switch", "leaf-1"))
    rows = [
        ExistingObject(ObjectId(Model.VRF, 1), "VPC/default/v", {}),
        ExistingObject(ObjectId(Model.VRF, 2), "Fabric/default/f", {}),
    ]
    served = LiveState({**read.resources, get_kind("VPC"): ()})
    without = LiveState(
        {kind: found for kind, found in served.resources.items() if kind.name != "VPC"}
    )
    assert filter_surely_absent(rows, served, frozenset()) == rows
    assert filter_surely_absent(rows, without, frozenset()) == rows[1:]


def odd(resource: Resource) -> Resource:
    """The same object, in a form that nobody can read."""
    spec = cast(Mapping[str, Json], "odd")
    return replace(resource, content=resource.content._replace(spec=spec))


def test_what_is_there_but_cannot_be_read_has_not_gone() -> None:
    """Nor has what others have because of it, on themselves or on a third."""
    there = [each for found in live_of(sample_objects(6)).resources.values() for each in found]
    netbox = FakeNetBox()
    netbox.sync(plan(*there))
    for unread in there:
        seen = live_state(*(odd(each) if each is unread else each for each in there))
        wanted = make_plan(seen, DC1)
        absent = find_changes(wanted, netbox.stored).absent
        assert filter_surely_absent(absent, seen, wanted.incomplete) == [], unread.key


def test_what_has_gone_is_seen_beside_what_cannot_be_read() -> None:
    cables = (cable("a", "s-1/e1", "leaf-1/E1/1"), cable("b", "s-2/e1", "leaf-2/E1/1"))
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, *cables))
    left = [each for each in FRAME if each.name != "s-1"]
    seen = live_state(*(odd(each) if each.name == "leaf-2" else each for each in left), cables[1])
    wanted = make_plan(seen, DC1)
    gone = filter_surely_absent(netbox.sync(wanted).absent, seen, wanted.incomplete)
    assert {each.key for each in gone} == {
        "Connection/default/a",
        "Server/default/s-1",
        "Server/default/s-1#e1",
    }


def test_a_kind_that_is_suddenly_empty_holds_everything_back() -> None:
    there = live_state(live("Switch", "leaf-1"))
    assert missing_kinds_sentence(there, {"Switch": 3}, "dc") == ""
    held = missing_kinds_sentence(there, {"Switch": 3, "VPC": 1, "Server": 2}, "dc")
    assert "no longer has any Server, VPC:" in held
    assert "`starter.py sync dc --accept-empty`" in held


ids = st.builds(ObjectId, st.sampled_from(list(Model)), st.integers(1, 60))


@given(st.dictionaries(ids, st.integers(1, CONFIRMED_ABSENCE_COUNT), max_size=80))
def test_counts_are_packed_without_loss(counts: dict[ObjectId, int]) -> None:
    assert decode_counts(encode_counts(counts)) == counts
    for gone in counts:
        assert forget_objects(encode_counts(counts), [gone]) == encode_counts(
            {each: count for each, count in counts.items() if each != gone}
        )


def test_what_is_in_others_is_counted_first() -> None:
    device, cable = ObjectId(Model.DEVICE, 1), ObjectId(Model.CABLE, 1)
    assert list(decode_counts(encode_counts({device: 1, cable: 1}))) == [cable, device]
