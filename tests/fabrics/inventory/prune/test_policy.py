"""What may be deleted, and what has to wait."""

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.drift import Live
from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.existing import Id, Stored
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import make_plan
from fabrics.inventory.prune.absence import MAX_BYTES, packed, unpacked, without
from fabrics.inventory.prune.policy import (
    AGREED,
    SYNCS,
    Verdict,
    digest_of,
    emptied,
    judge,
    vouched,
)
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import kind_named
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.live_samples import live_of
from tests.support.inventory.plans import DC1, plan
from tests.support.inventory.sample_objects import made_up
from tests.support.inventory.small_fabric import FRAME, cable

LARGE = {Model.CABLE: 100_000}


def cables(number: int) -> list[Stored]:
    return [cable_row(each) for each in range(number)]


def cable_row(number: int) -> Stored:
    return Stored(Id(Model.CABLE, number), f"Connection/default/{number}", {})


def judged(absent: list[Stored], times: int, total: int, confirmed: str = "") -> Verdict:
    """The verdict when these were absent so many times in a row."""
    verdict = Verdict()
    for _ in range(times):
        verdict = judge(absent, verdict.absences, {Model.CABLE: total}, confirmed)
    return verdict


def test_an_object_goes_when_three_syncs_in_a_row_have_missed_it() -> None:
    assert judged(cables(1), SYNCS - 1, 100).due == ()
    assert judged(cables(1), SYNCS, 100).due == tuple(cables(1))


def test_an_object_that_came_back_is_counted_anew() -> None:
    twice = judged(cables(1), SYNCS - 1, 100)
    back = judge([], twice.absences, LARGE)
    assert back.absences == {}
    assert judge(cables(1), back.absences, LARGE).due == ()


@pytest.mark.parametrize(
    ("number", "total", "waits"),
    [(10, 10, False), (11, 43, True), (11, 44, False), (26, 100, True)],
)
def test_many_deletes_wait_for_somebody(number: int, total: int, waits: bool) -> None:
    verdict = judged(cables(number), SYNCS, total)
    assert (len(verdict.waiting), len(verdict.due)) == ((number, 0) if waits else (0, number))


def test_what_disappears_little_by_little_is_as_much() -> None:
    verdict, rows = Verdict(), cables(44)
    for number in (9, 18, 27, 36):
        verdict = judge(rows[:number], verdict.absences, {Model.CABLE: len(rows)})
        assert verdict.due == ()
    assert verdict.waiting == tuple(rows[:18]), "those that three syncs have missed"
    confirmed = judge(rows[:36], verdict.absences, {Model.CABLE: len(rows)}, verdict.digest)
    assert confirmed.due == verdict.waiting
    left = without(confirmed.absences, (each.id for each in confirmed.due))
    after = judge(rows[18:36], left, {Model.CABLE: len(rows) - 18})
    assert (after.due, after.waiting) == ((), tuple(rows[18:36]))


def test_a_confirmation_is_for_what_was_shown() -> None:
    shown = judged(cables(11), SYNCS, 11)
    assert judge(cables(11), shown.absences, {Model.CABLE: 11}, shown.digest).due
    counts = dict.fromkeys((each.id for each in cables(12)), SYNCS)
    more = judge(cables(12), packed(counts), {Model.CABLE: 12}, shown.digest)
    assert more.due == ()
    assert more.digest != shown.digest


def test_a_confirmation_stands_when_others_go_too_and_when_some_are_back() -> None:
    twelfth = cables(12)[-1]
    shown = judge(cables(12), packed({each.id: SYNCS for each in cables(11)} | {twelfth.id: 1}), {})
    assert shown.waiting == tuple(cables(11))
    confirming = judge(cables(12), shown.absences, {}, shown.digest)
    assert (confirming.due, confirming.waiting) == (tuple(cables(11)), ())
    left = without(confirming.absences, (each.id for each in confirming.due))
    assert judge([twelfth], left, {Model.CABLE: 1}).due == (twelfth,)
    assert judge(cables(10), shown.absences, {}, shown.digest).due == tuple(cables(10))


def test_a_confirmation_stands_when_some_of_it_is_done() -> None:
    shown = judged(cables(30), SYNCS, 30)
    left = cables(30)[15:]
    assert judge(left, shown.absences, {Model.CABLE: 15}).waiting == tuple(left)
    assert judge(left, shown.absences, {Model.CABLE: 15}, shown.digest).due == tuple(left)


def test_what_was_agreed_to_and_cannot_go_yet_is_not_asked_about_again() -> None:
    shown = judged(cables(22), SYNCS, 40)
    held = cables(11)
    confirmed = judge(held, shown.absences, {Model.CABLE: 40}, shown.digest)
    following = judge(cables(13), confirmed.absences, {Model.CABLE: 40})
    assert (following.due, following.waiting) == (tuple(held), ())
    later = following
    for _ in range(SYNCS - 1):
        later = judge(cables(24), later.absences, {Model.CABLE: 40})
    assert (later.due, later.waiting) == (tuple(held), tuple(cables(13)[11:])), "13 others are much"
    assert later.digest == digest_of(each.id for each in later.waiting)
    second = judge(cables(24), later.absences, {Model.CABLE: 40}, later.digest)
    assert second.due == tuple(cables(13))
    back = judge(cables(24)[11:], second.absences, {Model.CABLE: 40})
    assert judge(held, back.absences, {Model.CABLE: 40}).due == (), "they have been there again"


@pytest.mark.parametrize("step", [1, 3])
def test_a_whole_fabric_is_counted_at_once(step: int) -> None:
    """Its rows are written side by side, so that ids of one sort take turns with others."""
    verdict = judged(cables(20_000)[::step], SYNCS, 10**6)
    assert len(verdict.due) == len(unpacked(verdict.absences)) == -(-20_000 // step)
    assert len(json.dumps(verdict.absences)) < 150


def test_what_cannot_be_counted_yet_waits_and_counts_as_much() -> None:
    numbers = sorted(Random(1).sample(range(10**8), 4_000))
    verdict = judged([cable_row(each) for each in numbers], SYNCS, 10**6)
    some = len(verdict.due)
    assert 0.98 * MAX_BYTES < len(json.dumps(verdict.absences)) <= MAX_BYTES
    assert 1_000 < some < 2_000
    left = [cable_row(each) for each in numbers[some:]]
    rest = without(verdict.absences, (each.id for each in verdict.due))
    assert rest == {}
    following = judged(left[:some], SYNCS, 10**6)
    assert following.due == tuple(left[:some])
    shown = judged(left, SYNCS, 4_000)
    assert shown.waiting == tuple(left[: len(shown.waiting)])
    assert judge(left, shown.absences, {}, shown.digest).due == shown.waiting


def test_the_form_of_loops_that_are_under_way_is_understood() -> None:
    cable = list(Model).index(Model.CABLE)
    assert unpacked({f"{cable}:2-3": 2, f"{cable}:7-7": 1}) == {
        cable_row(2).id: 2,
        cable_row(3).id: 2,
        cable_row(7).id: 1,
    }


def test_nothing_is_concluded_about_kinds_that_were_not_read() -> None:
    read = live_state(live("Switch", "leaf-1"))
    rows = [
        Stored(Id(Model.VRF, 1), "VPC/default/v", {}),
        Stored(Id(Model.VRF, 2), "Fabric/default/f", {}),
    ]
    served = Live({**read.resources, kind_named("VPC"): ()})
    without = Live({kind: found for kind, found in served.resources.items() if kind.name != "VPC"})
    assert vouched(rows, served, frozenset()) == rows
    assert vouched(rows, without, frozenset()) == rows[1:]


def odd(resource: Resource) -> Resource:
    """The same object, in a form that nobody can read."""
    spec = cast(Mapping[str, Json], "odd")
    return replace(resource, content=resource.content._replace(spec=spec))


def test_what_is_there_but_cannot_be_read_has_not_gone() -> None:
    """Nor has what others have because of it, on themselves or on a third."""
    there = [each for found in live_of(made_up(6)).resources.values() for each in found]
    netbox = FakeNetBox()
    netbox.sync(plan(*there))
    for unread in there:
        seen = live_state(*(odd(each) if each is unread else each for each in there))
        wanted = make_plan(seen, DC1)
        absent = find_changes(wanted, netbox.stored).absent
        assert vouched(absent, seen, wanted.unread) == [], unread.key


def test_what_has_gone_is_seen_beside_what_cannot_be_read() -> None:
    cables = (cable("a", "s-1/e1", "leaf-1/E1/1"), cable("b", "s-2/e1", "leaf-2/E1/1"))
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, *cables))
    left = [each for each in FRAME if each.name != "s-1"]
    seen = live_state(*(odd(each) if each.name == "leaf-2" else each for each in left), cables[1])
    wanted = make_plan(seen, DC1)
    gone = vouched(netbox.sync(wanted).absent, seen, wanted.unread)
    assert {each.key for each in gone} == {
        "Connection/default/a",
        "Server/default/s-1",
        "Server/default/s-1#e1",
    }


def test_a_kind_that_is_suddenly_empty_holds_everything_back() -> None:
    there = live_state(live("Switch", "leaf-1"))
    assert emptied(there, {"Switch": 3}, "dc") == ""
    held = emptied(there, {"Switch": 3, "VPC": 1, "Server": 2}, "dc")
    assert "no longer has any Server, VPC:" in held
    assert "`starter.py sync dc --accept-empty`" in held


ids = st.builds(Id, st.sampled_from(list(Model)), st.integers(1, 60))


@given(st.dictionaries(ids, st.integers(1, AGREED), max_size=80))
def test_counts_are_packed_without_loss(counts: dict[Id, int]) -> None:
    assert unpacked(packed(counts)) == counts
    for gone in counts:
        assert without(packed(counts), [gone]) == packed(
            {each: count for each, count in counts.items() if each != gone}
        )


def test_what_is_in_others_is_counted_first() -> None:
    device, cable = Id(Model.DEVICE, 1), Id(Model.CABLE, 1)
    assert list(unpacked(packed({device: 1, cable: 1}))) == [cable, device]
