"""When a pass over the inventory is due, and what is left after it."""

from datetime import UTC, datetime, timedelta

import pytest

from fabrics.inventory.report.report import DeletesWaiting, InventoryFailure, InventoryOutcome
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.inventory_pass import InventoryInputs, InventoryPass, PassResult
from fabrics.loop.inventory_state import Inventory
from fabrics.record.sync_status import InventoryState

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
INPUTS = InventoryInputs(desired_digest="d", live_digest="a", config_hash="c", release="r")
CHANGED = INPUTS.model_copy(update={"live_digest": "b"})
NO_REQUEST = SyncRequest()
DONE, FAILED = InventoryOutcome(live_digest="a"), InventoryFailure(message="No.")


def synced(
    inventory: Inventory,
    number: int,
    inputs: InventoryInputs = INPUTS,
    request: SyncRequest = NO_REQUEST,
) -> Inventory:
    """Return the inventory after a sync a minute after the one before."""
    return inventory.after_sync(inputs, number, NOW + number * MINUTE, request)


def begun(inventory: Inventory, sync: int) -> Inventory:
    """Return the inventory with a pass that began right after this sync."""
    assert inventory.observed is not None
    return inventory.begin(
        InventoryPass(
            token=f"pass {sync}",
            sync=sync,
            started=NOW + sync * MINUTE,
            inputs=inventory.observed,
            target="",
            confirmed_digest=inventory.confirmed_digest,
        )
    )


def after_pass(result: PassResult) -> Inventory:
    """Return the inventory after a first pass with this result."""
    return begun(synced(Inventory(), 1), 1).end(result)


def is_due(inventory: Inventory, minute: int) -> bool:
    return inventory.is_due(NOW + minute * MINUTE, HOUR, 2 * MINUTE)


def test_nothing_is_due_before_the_first_observation_and_while_the_fabric_is_unread() -> None:
    assert not is_due(Inventory(), 0)
    assert is_due(synced(Inventory(), 1), 1)
    unread = synced(Inventory(), 1).after_unread_sync()
    assert not is_due(unread, 2)
    assert is_due(synced(unread, 3), 3)


def test_inventory_is_compared_again_after_the_fabric_was_unread() -> None:
    inventory = synced(after_pass(DONE), 2)
    assert not is_due(inventory, 2)
    assert is_due(synced(inventory.after_unread_sync(), 4), 4)


@pytest.mark.parametrize(("minute", "expected"), [(2, False), (3, True)])
def test_failure_waits_for_the_retry_interval_though_the_fabric_changed(
    minute: int, expected: bool
) -> None:
    assert is_due(synced(after_pass(FAILED), minute, CHANGED), minute) == expected


def test_person_who_asks_need_not_wait() -> None:
    failed = after_pass(FAILED)
    assert is_due(synced(failed, 2, request=SyncRequest(full=True)), 2)
    assert not is_due(synced(failed, 2, request=SyncRequest(accept_empty=True)), 2)


def test_change_is_due_at_once_beside_pending_work() -> None:
    pending = after_pass(InventoryOutcome(live_digest="a", absence_counts={"1:1": 1}))
    assert not is_due(synced(pending, 2), 2)
    assert is_due(synced(pending, 2, CHANGED), 2)
    assert is_due(synced(pending, 3), 3)


def test_state_is_behind_from_the_first_observation_that_netbox_lacks() -> None:
    inventory = synced(synced(after_pass(DONE), 2, CHANGED), 3, CHANGED)
    status = inventory.status(enabled=True)
    assert (status.state, status.behind_since) == (InventoryState.BEHIND, NOW + 2 * MINUTE)
    back = synced(inventory, 4)
    assert back.status(enabled=True).state is InventoryState.UP_TO_DATE


def test_change_during_a_pass_leaves_the_inventory_behind_since_then() -> None:
    running = begun(synced(Inventory(), 1), 1)
    assert running.status(enabled=True).state is InventoryState.RUNNING
    done = synced(synced(running, 2, CHANGED), 3, CHANGED).end(DONE)
    assert done.behind_since == NOW + 2 * MINUTE
    assert is_due(done, 3)


@pytest.mark.parametrize("result", [DONE, FAILED])
def test_request_during_a_pass_outlives_it(result: PassResult) -> None:
    running = begun(synced(Inventory(), 1, request=SyncRequest(full=True)), 1)
    later = synced(running, 2, request=SyncRequest(full=True, adopt=True)).end(result)
    assert (later.is_requested, later.full_sync, later.adopt_sync) == (True, 2, 2)


def test_request_is_done_after_the_pass_that_carried_it_unless_that_failed() -> None:
    running = begun(synced(Inventory(), 1, request=SyncRequest(full=True, adopt=True)), 1)
    assert not running.end(DONE).is_requested
    assert running.end(FAILED).is_requested


def test_confirmation_is_used_once() -> None:
    waiting = InventoryOutcome(
        live_digest="a", deletes_waiting=DeletesWaiting(digest="x", counts={}, first=())
    )
    confirmed = after_pass(waiting).confirm_deletes("x")
    assert is_due(confirmed, 1)
    carried = begun(confirmed, 2)
    assert carried.end(FAILED).confirmed_digest == "x"
    assert carried.end(waiting).confirmed_digest == ""
    during = begun(after_pass(waiting), 2).confirm_deletes("x")
    assert during.end(waiting).confirmed_digest == "x"
    assert during.end(DONE).confirmed_digest == ""


@pytest.mark.parametrize("result", [DONE, FAILED])
def test_only_what_a_pass_did_not_carry_asks_for_another_one(result: PassResult) -> None:
    inventory = begun(synced(Inventory(), 1, request=SyncRequest(full=True)), 1)
    running = inventory.running
    assert running is not None
    assert not inventory.end(result).was_asked_since(running)
    asked = synced(inventory, 2, request=SyncRequest(adopt=True))
    assert asked.end(result).was_asked_since(running)


def test_cancelled_pass_is_no_failure_but_done_again() -> None:
    cancelled = begun(synced(Inventory(), 1), 1).note_cancelled().end(FAILED)
    assert (cancelled.failure, cancelled.running) == ("", None)
    assert is_due(synced(cancelled, 2), 2)


def test_withheld_outcome_keeps_what_the_last_pass_found() -> None:
    pending = after_pass(InventoryOutcome(live_digest="a", absence_counts={"1:1": 2}))
    withheld = begun(pending, 2).end(InventoryOutcome(live_digest="a", withheld="All gone."))
    assert withheld.failure == "The inventory in NetBox is not up to date: All gone."
    assert withheld.outcome == pending.outcome
