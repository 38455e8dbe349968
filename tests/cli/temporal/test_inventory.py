"""The wait for the inventory after `sync --full`, `confirm-deletes` and `adopt`."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from cli.errors import CommandError
from cli.temporal import inventory
from cli.temporal.inventory import wait_for_inventory
from cli.temporal.loop_client import LoopClient
from fabrics.inventory.report.report import Finding, FindingType, InventoryReport
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.loop import FabricLoop
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.sync_status import InventoryState, SyncStatus
from tests.support.fabrics.reports import SYNC_STARTED, manual_report

LATER, EARLIER = SYNC_STARTED + timedelta(seconds=2), SYNC_STARTED - timedelta(hours=1)
SYNC = manual_report(7, inventory_follows=True)
FOUND = Finding(problem=FindingType.CONFLICT, what="Server/a", why="It is in the way.")
WRITTEN = InventoryReport(created=3, problems={FindingType.CONFLICT: 1}, findings=(FOUND,))
RUNNING = InventoryStatus(state=InventoryState.RUNNING, last_sync=6, mirrored=EARLIER)
DONE = InventoryStatus(state=InventoryState.WAITING, last_sync=7, mirrored=LATER, report=WRITTEN)


class FakeLoops(LoopClient):
    """The loop of one fabric, which gives one answer after the other."""

    def __init__(self, *answers: FabricStatus | None) -> None:
        self._answers = list(answers)

    async def get_status(self, fabric_id: str) -> FabricStatus | None:
        """Return the next answer."""
        assert fabric_id == "dc"
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "POLL_SECONDS", 0)


def status(
    shown: InventoryStatus, *, syncs: int = 7, sync_status: SyncStatus = SyncStatus.IN_SYNC
) -> FabricStatus:
    """Make a loop's status with this inventory."""
    fields = {"inventory": shown, "syncs": syncs, "sync_status": sync_status}
    return FabricLoop(fabric_id="dc").status().model_copy(update=fields)


async def wait(*answers: FabricStatus | None) -> SyncReport:
    """Wait for the inventory after the sync, and return its report."""
    report, last = await wait_for_inventory(FakeLoops(*answers), "dc", SYNC)
    assert last == answers[-1]
    return report


async def wait_in_vain(*answers: FabricStatus | None) -> str:
    """Return the sentence of the error in which the wait ends."""
    with pytest.raises(CommandError) as caught:
        await wait(*answers)
    return str(caught.value)


async def test_report_has_what_the_pass_after_the_sync_wrote() -> None:
    report = await wait(status(RUNNING), None, status(DONE))
    assert report.inventory == WRITTEN.model_copy(update={"findings": ()})
    assert not report.inventory_follows


async def test_pass_of_a_later_sync_counts_even_if_the_history_has_lost_its_number() -> None:
    late = DONE.model_copy(update={"last_sync": 90})
    assert (await wait(status(RUNNING), status(late, syncs=141))).inventory is not None


async def test_failed_pass_has_written_nothing() -> None:
    failed = DONE.model_copy(update={"failure": "NetBox is down.", "mirrored": EARLIER})
    assert (await wait(status(RUNNING), status(failed))).inventory is None


async def test_nothing_is_awaited_that_does_not_follow() -> None:
    unchanged = replace(SYNC, inventory_follows=False)
    off = status(InventoryStatus(state=InventoryState.OFF))
    assert await wait_for_inventory(FakeLoops(off), "dc", unchanged) == (unchanged, off)


@pytest.mark.parametrize("mirrored", [None, EARLIER])
async def test_stopped_pass_is_not_done(mirrored: datetime | None) -> None:
    stopped = InventoryStatus(state=InventoryState.BEHIND, last_sync=7, mirrored=mirrored)
    sentence = await wait_in_vain(status(RUNNING), status(stopped))
    assert "its update was stopped, because the record was edited" in sentence
    assert "`starter.py sync dc --full`" in sentence


async def test_pass_that_replaced_a_stopped_one_is_done() -> None:
    again = DONE.model_copy(update={"last_sync": 8})
    assert (await wait(status(RUNNING), status(again, syncs=8))).inventory is not None


async def test_pass_that_no_sync_starts_during_a_pause_is_not_awaited() -> None:
    idle = RUNNING.model_copy(update={"state": InventoryState.BEHIND})
    paused = status(idle, sync_status=SyncStatus.PAUSED)
    writing = status(RUNNING, sync_status=SyncStatus.PAUSED)
    assert "the fabric was paused" in await wait_in_vain(writing, paused)


async def test_old_failure_does_not_count_for_a_pass_that_never_began() -> None:
    failed = RUNNING.model_copy(update={"state": InventoryState.FAILED, "failure": "No."})
    sentence = await wait_in_vain(status(failed, sync_status=SyncStatus.PAUSED))
    assert "the fabric was paused" in sentence


async def test_loop_that_was_replaced_is_not_done() -> None:
    sentence = await wait_in_vain(status(RUNNING), status(DONE, syncs=1))
    assert "its loop was replaced by a new one" in sentence


async def test_loop_that_answers_no_more_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "PATIENCE_SECONDS", 0)
    with pytest.raises(CommandError, match="has ended or does not answer"):
        await wait_for_inventory(FakeLoops(None), "dc", SYNC)


async def test_report_is_returned_if_no_inventory_follows_and_the_loop_does_not_answer() -> None:
    report = replace(SYNC, inventory_follows=False)
    assert await wait_for_inventory(FakeLoops(None), "dc", report) == (report, None)


async def test_wait_ends_after_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "TIMEOUT_SECONDS", 0)
    assert "not brought up to date within an hour" in await wait_in_vain(status(RUNNING))
