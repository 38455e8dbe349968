"""The states of fabrics in a round, as targets of notifications are told of them."""

from datetime import timedelta
from itertools import pairwise

import pytest

from fabrics.agents.health_report import Health
from fabrics.fleet.reconcile import FabricRecord, FleetPlan
from fabrics.fleet.states import (
    MAX_REASON_CHARS,
    MAX_REASONS,
    FleetStates,
    StateGroup,
    find_states,
    is_trouble,
)
from tests.support.fabrics.fleet import NOTHING, NOW, loop_of, make_record, snapshot


def find(*records: FabricRecord, plan: FleetPlan = NOTHING) -> FleetStates:
    """Return the states of these fabrics, whose loops run."""
    return find_states(snapshot(records, map(loop_of, records)), plan, round_interval=30)


def changed(record: FabricRecord, **state: object) -> FabricRecord:
    """Return the record with other results of its last sync."""
    last_known = record.last_known.model_copy(update=state)
    return record.model_copy(update={"last_known": last_known})


@pytest.mark.parametrize(
    ("results", "settings", "state", "reason"),
    [
        ({}, {}, "inventory_only", ""),
        ({"error": "Git is gone."}, {}, "error", "Git is gone."),
        ({"error": "Git is gone.", "syncing": True}, {}, "error", "Git is gone."),
        ({"drift_count": 3}, {}, "out_of_sync", "Objects that differ from Git: 3."),
        (
            {"health": Health.DEGRADED, "health_message": "leaf-1 is stuck."},
            {},
            "inventory_only, degraded",
            "leaf-1 is stuck.",
        ),
        ({"health": Health.PROGRESSING}, {}, "inventory_only", ""),
        ({"error": "Git is gone.", "health": Health.DEGRADED}, {"paused": True}, "paused", ""),
        ({"error": "Git is gone."}, {"enabled": False}, "disabled", ""),
    ],
)
def test_state_is_status_and_health(
    results: dict[str, object], settings: dict[str, object], state: str, reason: str
) -> None:
    record = changed(make_record("a"), **results)
    config = record.config.model_copy(update=settings)
    states = find(record.model_copy(update={"config": config}))
    assert states.groups == (StateGroup(state=state, interval=60, fabrics=("a",)),)
    assert states.reasons.get("a", "") == reason
    assert is_trouble(state) == bool(reason)


def test_fabric_that_should_sync_and_does_not_is_stale() -> None:
    overdue = NOTHING.model_copy(update={"overdue": ("a",)})
    states = find(make_record("a"), make_record("b", last=90_000), plan=overdue)
    assert [(group.state, group.fabrics) for group in states.groups] == [("stale", ("a", "b"))]


def test_failing_fabric_stays_in_error_however_long_it_fails() -> None:
    states = find(changed(make_record("a", last=90_000), error="Git is gone."))
    assert [(group.state, group.fabrics) for group in states.groups] == [("error", ("a",))]
    assert states.reasons == {"a": "Git is gone."}


def test_failing_fabric_whose_loop_stops_is_stale() -> None:
    overdue = NOTHING.model_copy(update={"overdue": ("a",)})
    states = find(changed(make_record("a"), error="Git is gone."), plan=overdue)
    assert [(group.state, group.fabrics) for group in states.groups] == [("stale", ("a",))]


def test_fabrics_of_other_installations_are_left_out() -> None:
    assert find(make_record("a", instance="default@elsewhere")).groups == ()


def test_fabrics_are_grouped_by_state_and_interval() -> None:
    slow, quick = make_record("a", interval=3600), make_record("b")
    states = find(slow, quick, make_record("c"), changed(make_record("d"), error="It broke."))
    assert [(group.interval, group.fabrics) for group in states.groups] == [
        (60, ("d",)),
        (60, ("b", "c")),
        (3600, ("a",)),
    ]


def test_reasons_stay_few_and_short_however_many_fabrics_fail() -> None:
    records = [changed(make_record(f"dc-{number}"), error="x" * 500) for number in range(200)]
    reasons = find(*records).reasons
    assert len(reasons) == MAX_REASONS
    assert {len(reason) for reason in reasons.values()} == {MAX_REASON_CHARS}


def test_states_of_a_large_fleet_are_a_small_message() -> None:
    records = [changed(make_record(f"fabric-{n:04}"), error="x" * 500) for n in range(1000)]
    assert len(find(*records).model_dump_json().encode()) < 40_000


def test_digest_changes_with_states_and_days_but_not_with_rounds_and_reasons() -> None:
    failed = find(changed(make_record("a"), error="It broke."))
    later = failed.model_copy(update={"checked": NOW + timedelta(hours=1), "reasons": {}})
    tomorrow = failed.model_copy(update={"checked": NOW + timedelta(days=1)})
    well = find(make_record("a"))
    assert failed.digest == later.digest
    assert all(one.digest != other.digest for one, other in pairwise((well, failed, tomorrow)))
