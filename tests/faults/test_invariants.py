"""The suite notices what a fault could lose or double."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fabrics.inventory.model.planned import Model
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import ConnectionStatus, InventoryState, LastKnownState, SyncStatus
from tests.support.fabrics.reports import scheduled_report
from tests.support.faults.invariants import View, find_illness, find_losses

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
STEP = timedelta(seconds=5)
DEVICE = (Model.DEVICE, "Switch/default/leaf-1")
CABLE = (Model.CABLE, "Connection/default/one")
EXPECTED = frozenset({DEVICE, CABLE})


def report(number: int, slot: int | None = None, missed: int = 0) -> SyncReport:
    """Return the report of a sync in its slot."""
    place = START + STEP * (number if slot is None else slot)
    return scheduled_report(number, place, missed=missed)


def status(**values: object) -> FabricStatus:
    """Return the status of a healthy loop."""
    config = FabricConfig(fabric_id="dc1", name="dc1", record_id=1, interval=5)
    known = LastKnownState(
        last_sync=START, last_success=START, connection_status=ConnectionStatus.CONNECTED
    )
    healthy = {"sync_status": SyncStatus.IN_SYNC, "inventory_state": InventoryState.UP_TO_DATE}
    return FabricStatus.from_record(config, known).model_copy(update=healthy | values)


def record(shown: str = "in_sync") -> dict[str, object]:
    """Return a record that shows this status."""
    return {"custom_fields": {"hh_sync_status": {"value": shown}, "hh_sync_error": None}}


BEFORE = View("run", status(), [report(1), report(2)], record(), {DEVICE: (1,), CABLE: (2,)})
AFTER = replace(BEFORE, history=[report(1), report(2), report(3)])


def test_nothing_is_wrong_with_a_healthy_fabric() -> None:
    assert find_illness(AFTER, EXPECTED, START) == []
    assert find_losses(BEFORE, AFTER) == []


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (replace(AFTER, status=status(sync_status=SyncStatus.ERROR)), "the loop is error"),
        (replace(AFTER, record=record("syncing")), "the record is syncing"),
        (replace(AFTER, status=status(netbox_error="It is down.")), "It is down."),
        (replace(AFTER, status=status(last_success=START - STEP)), "no sync has succeeded"),
        (replace(AFTER, status=status(inventory_state=InventoryState.FAILED)), "inventory is fail"),
        (replace(AFTER, inventory={DEVICE: (1,)}), "lacks"),
        (replace(AFTER, inventory={DEVICE: (1,), CABLE: (2, 3)}), "has twice"),
        (replace(AFTER, inventory={**AFTER.inventory, (Model.VRF, "x"): (3,)}), "still has"),
    ],
)
def test_illness_is_noticed(view: View, words: str) -> None:
    [sentence] = find_illness(view, EXPECTED, START)
    assert words in sentence


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replace(AFTER, run="another"), "the loop was replaced"),
        (replace(AFTER, history=[report(1), report(2), report(4, slot=3)]), "not consecutive"),
        (replace(AFTER, history=[report(1), report(2), report(2)]), "not consecutive"),
        (replace(AFTER, history=[*BEFORE.history, report(3, slot=5)]), "2 had no sync"),
        (replace(AFTER, inventory={DEVICE: (7,), CABLE: (2,)}), "made again"),
    ],
)
def test_loss_is_noticed(after: View, words: str) -> None:
    [sentence] = find_losses(BEFORE, after)
    assert words in sentence


def test_missed_slots_that_are_counted_are_not_lost() -> None:
    history = [report(1), report(2, missed=2)]
    before = replace(BEFORE, history=history)
    assert find_losses(before, replace(AFTER, history=[*history, report(3, slot=5)])) == []


def test_slots_that_a_sync_misses_are_not_those_before_it() -> None:
    after = replace(AFTER, history=[*BEFORE.history, report(3, slot=5, missed=2)])
    [sentence] = find_losses(BEFORE, after)
    assert "2 had no sync and 0 are counted" in sentence


def test_slots_around_reports_that_a_loop_has_dropped_are_unknown() -> None:
    dropped = replace(AFTER, history=[report(7, slot=9), report(8, slot=10)])
    assert find_losses(BEFORE, dropped) == []
    lost_later = replace(AFTER, history=[report(7, slot=9), report(8, slot=12)])
    assert find_losses(BEFORE, lost_later)


def test_slot_that_a_late_sync_serves_is_not_lost() -> None:
    late = replace(report(3, missed=1), started=START + STEP * 4.8)
    after = replace(AFTER, history=[*BEFORE.history, late, report(4, slot=6)])
    assert find_losses(BEFORE, after) == []
    even_later = replace(AFTER, history=[*BEFORE.history, late, report(4, slot=7)])
    assert find_losses(BEFORE, even_later)


def test_slot_beside_the_grid_is_noticed() -> None:
    moved = report(3)
    moved = replace(moved, slot=moved.started + timedelta(seconds=1))
    assert "slots left their grid" in find_losses(
        BEFORE, replace(AFTER, history=[*BEFORE.history, moved])
    )


def test_sync_that_is_done_twice_is_noticed() -> None:
    again = report(2, slot=3)
    after = replace(AFTER, history=[report(1), again])
    assert "sync 2 was done twice" in find_losses(BEFORE, after)
