"""Absent objects are deleted after three passes, many only after a confirmation."""

import json
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import cast

import pytest

from fabrics.drift.model import LiveState
from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import make_plan
from fabrics.inventory.prune.absence_encoding import (
    MAX_ABSENCE_COUNTS_BYTES,
    decode_counts,
    encode_counts,
    forget_objects,
)
from fabrics.inventory.prune.policy import (
    MIN_ABSENT_PASSES,
    PruneDecision,
    decide,
    deletes_digest,
    filter_surely_absent,
)
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live, live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.live_samples import parse_live_state
from tests.support.inventory.plans import DC1, plan
from tests.support.inventory.sample_objects import sample_objects
from tests.support.inventory.small_fabric import FRAME, cable

LARGE = {Model.CABLE: 100_000}


def make_cables(count: int) -> list[ExistingObject]:
    return [make_cable(number) for number in range(count)]


def make_cable(number: int) -> ExistingObject:
    return ExistingObject(ObjectId(Model.CABLE, number), f"Connection/default/{number}", {})


def decide_after(syncs: int, absent: list[ExistingObject], total: int) -> PruneDecision:
    """Return the decision when these were absent in so many passes in a row."""
    decision = PruneDecision()
    for _ in range(syncs):
        decision = decide(absent, decision.absence_counts, {Model.CABLE: total})
    return decision


def test_objects_that_other_fabrics_have_are_deleted_after_a_confirmation_only() -> None:
    moved, gone = make_cables(2)
    part = ExistingObject(ObjectId(Model.INTERFACE, 7), f"{moved.key}#E1/1", {})
    elsewhere = {moved.key}
    decision = PruneDecision()
    for _ in range(MIN_ABSENT_PASSES + 2):
        decision = decide([moved, gone, part], decision.absence_counts, LARGE, elsewhere=elsewhere)
        assert decision.to_delete == ()
    assert {row.id for row in decision.to_confirm} == {moved.id, gone.id, part.id}

    counts, digest = decision.absence_counts, decision.digest
    confirmed = decide([moved, gone, part], counts, LARGE, digest, elsewhere)
    assert {row.id for row in confirmed.to_delete} == {moved.id, gone.id, part.id}
    assert decide([gone], counts, LARGE, elsewhere=elsewhere).to_delete == (gone,)


def test_object_is_deleted_after_three_syncs_without_it() -> None:
    assert decide_after(MIN_ABSENT_PASSES - 1, make_cables(1), 100).to_delete == ()
    assert decide_after(MIN_ABSENT_PASSES, make_cables(1), 100).to_delete == tuple(make_cables(1))


def test_count_restarts_for_object_that_came_back() -> None:
    absent_twice = decide_after(MIN_ABSENT_PASSES - 1, make_cables(1), 100)
    present_again = decide([], absent_twice.absence_counts, LARGE)
    assert present_again.absence_counts == {}
    assert decide(make_cables(1), present_again.absence_counts, LARGE).to_delete == ()


@pytest.mark.parametrize(
    ("count", "total", "needs_confirmation"),
    [(10, 10, False), (11, 43, True), (11, 44, False), (26, 100, True)],
)
def test_many_deletes_need_a_confirmation(count: int, total: int, needs_confirmation: bool) -> None:
    decision = decide_after(MIN_ABSENT_PASSES, make_cables(count), total)
    assert (len(decision.to_confirm), len(decision.to_delete)) == (
        (count, 0) if needs_confirmation else (0, count)
    )


def test_gradual_loss_counts_against_the_limit() -> None:
    decision, rows = PruneDecision(), make_cables(44)
    for count in (9, 18, 27, 36):
        decision = decide(rows[:count], decision.absence_counts, {Model.CABLE: len(rows)})
        assert decision.to_delete == ()
    assert decision.to_confirm == tuple(rows[:18]), "those absent in three passes"
    confirmed = decide(
        rows[:36], decision.absence_counts, {Model.CABLE: len(rows)}, decision.digest
    )
    assert confirmed.to_delete == decision.to_confirm
    counts = forget_objects(confirmed.absence_counts, (row.id for row in confirmed.to_delete))
    following = decide(rows[18:36], counts, {Model.CABLE: len(rows) - 18})
    assert (following.to_delete, following.to_confirm) == ((), tuple(rows[18:36]))


def test_confirmation_covers_only_the_shown_deletes() -> None:
    shown = decide_after(MIN_ABSENT_PASSES, make_cables(11), 11)
    assert decide(make_cables(11), shown.absence_counts, {Model.CABLE: 11}, shown.digest).to_delete
    counts = dict.fromkeys((row.id for row in make_cables(12)), MIN_ABSENT_PASSES)
    more = decide(make_cables(12), encode_counts(counts), {Model.CABLE: 12}, shown.digest)
    assert more.to_delete == ()
    assert more.digest != shown.digest


def test_confirmation_stays_valid_when_others_go_and_when_some_come_back() -> None:
    eleven, twelve = make_cables(11), make_cables(12)
    twelfth = twelve[-1]
    counts = {row.id: MIN_ABSENT_PASSES for row in eleven} | {twelfth.id: 1}
    shown = decide(twelve, encode_counts(counts), {})
    assert shown.to_confirm == tuple(eleven)
    confirmed = decide(twelve, shown.absence_counts, {}, shown.digest)
    assert (confirmed.to_delete, confirmed.to_confirm) == (tuple(eleven), ())
    left = forget_objects(confirmed.absence_counts, (row.id for row in confirmed.to_delete))
    assert decide([twelfth], left, {Model.CABLE: 1}).to_delete == (twelfth,)
    ten = make_cables(10)
    assert decide(ten, shown.absence_counts, {}, shown.digest).to_delete == tuple(ten)


def test_confirmation_stays_valid_when_some_are_deleted_already() -> None:
    shown = decide_after(MIN_ABSENT_PASSES, make_cables(30), 30)
    left, totals = make_cables(30)[15:], {Model.CABLE: 15}
    assert decide(left, shown.absence_counts, totals).to_confirm == tuple(left)
    assert decide(left, shown.absence_counts, totals, shown.digest).to_delete == tuple(left)


def test_postponed_deletes_need_no_second_confirmation() -> None:
    shown, totals = decide_after(MIN_ABSENT_PASSES, make_cables(22), 40), {Model.CABLE: 40}
    waiting = make_cables(11)
    confirmed = decide(waiting, shown.absence_counts, totals, shown.digest)
    following = decide(make_cables(13), confirmed.absence_counts, totals)
    assert (following.to_delete, following.to_confirm) == (tuple(waiting), ())
    later = following
    for _ in range(MIN_ABSENT_PASSES - 1):
        later = decide(make_cables(24), later.absence_counts, totals)
    assert (later.to_delete, later.to_confirm) == (tuple(waiting), tuple(make_cables(13)[11:])), (
        "13 others exceed the limit"
    )
    assert later.digest == deletes_digest(row.id for row in later.to_confirm)
    second = decide(make_cables(24), later.absence_counts, totals, later.digest)
    assert second.to_delete == tuple(make_cables(13))
    present_again = decide(make_cables(24)[11:], second.absence_counts, totals)
    assert decide(waiting, present_again.absence_counts, totals).to_delete == (), (
        "a confirmation ends when the objects come back"
    )


@pytest.mark.parametrize("step", [1, 3])
def test_whole_fabric_is_counted_at_once(step: int) -> None:
    """Models are written side by side, so the ids of one may be more than 1 apart."""
    decision = decide_after(MIN_ABSENT_PASSES, make_cables(20_000)[::step], 10**6)
    assert (
        len(decision.to_delete) == len(decode_counts(decision.absence_counts)) == -(-20_000 // step)
    )
    assert len(json.dumps(decision.absence_counts)) < 150


def test_objects_whose_counts_do_not_fit_are_counted_later() -> None:
    numbers = sorted(Random(1).sample(range(10**8), 4_000))
    rows = [make_cable(number) for number in numbers]
    decision = decide_after(MIN_ABSENT_PASSES, rows, 10**6)
    fitting = len(decision.to_delete)
    size = len(json.dumps(decision.absence_counts))
    assert 0.98 * MAX_ABSENCE_COUNTS_BYTES < size <= MAX_ABSENCE_COUNTS_BYTES
    assert 1_000 < fitting < 2_000
    left = rows[fitting:]
    counts = forget_objects(decision.absence_counts, (row.id for row in decision.to_delete))
    assert counts == {}
    following = decide_after(MIN_ABSENT_PASSES, left[:fitting], 10**6)
    assert following.to_delete == tuple(left[:fitting])
    shown = decide_after(MIN_ABSENT_PASSES, left, 4_000)
    assert shown.to_confirm == tuple(left[: len(shown.to_confirm)])
    assert decide(left, shown.absence_counts, {}, shown.digest).to_delete == shown.to_confirm


def test_objects_of_unread_kinds_are_not_surely_absent() -> None:
    rows = [
        ExistingObject(ObjectId(Model.VRF, 1), "VPC/default/v", {}),
        ExistingObject(ObjectId(Model.VRF, 2), "Fabric/default/f", {}),
    ]
    switches = live_state(live("Switch", "leaf-1")).resources
    with_vpcs = LiveState({**switches, get_kind("VPC"): ()})
    without_vpcs = LiveState(
        {kind: found for kind, found in with_vpcs.resources.items() if kind.name != "VPC"}
    )
    assert filter_surely_absent(rows, with_vpcs, frozenset()) == rows
    assert filter_surely_absent(rows, without_vpcs, frozenset()) == rows[1:]


def make_unreadable(resource: Resource) -> Resource:
    """Return the same object with a spec that cannot be parsed."""
    spec = cast(Mapping[str, Json], "odd")
    return replace(resource, content=resource.content._replace(spec=spec))


def test_unreadable_objects_and_their_dependents_are_not_surely_absent() -> None:
    live_objects = [
        resource
        for resources in parse_live_state(sample_objects(6)).resources.values()
        for resource in resources
    ]
    netbox = FakeNetBox()
    netbox.sync(plan(*live_objects))
    for unreadable in live_objects:
        state = live_state(
            *(
                make_unreadable(resource) if resource is unreadable else resource
                for resource in live_objects
            )
        )
        incomplete_plan = make_plan(state, DC1)
        absent = find_changes(incomplete_plan, netbox.existing).absent
        surely_absent = filter_surely_absent(absent, state, incomplete_plan.incomplete)
        assert surely_absent == [], unreadable.key


def test_objects_beside_unreadable_ones_are_surely_absent() -> None:
    cables = (cable("a", "s-1/e1", "leaf-1/E1/1"), cable("b", "s-2/e1", "leaf-2/E1/1"))
    netbox = FakeNetBox()
    netbox.sync(plan(*FRAME, *cables))
    left = [resource for resource in FRAME if resource.name != "s-1"]
    state = live_state(
        *(
            make_unreadable(resource) if resource.name == "leaf-2" else resource
            for resource in left
        ),
        cables[1],
    )
    incomplete_plan = make_plan(state, DC1)
    absent = netbox.sync(incomplete_plan).absent
    surely_absent = filter_surely_absent(absent, state, incomplete_plan.incomplete)
    assert {row.key for row in surely_absent} == {
        "Connection/default/a",
        "Server/default/s-1",
        "Server/default/s-1#e1",
    }
