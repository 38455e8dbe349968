"""The signals, updates and queries of a running loop.

Handlers only change the state; the loop does the work. Each change can be sent as a signal (delivered
even if no worker runs) and as an update (which returns an answer). Every argument is an `object` with a
default, since anyone may send anything: the same pure checks guard both, and the workflow details show
what was wrong with a signal.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fabrics.loop.active_sync import SyncRequest
    from fabrics.loop.inventory_pass import check_token, parse_pass_result
    from fabrics.loop.loop import FabricLoop
    from fabrics.loop.report import FabricStatus, SyncReport
    from fabrics.record.config import (
        RESUME,
        ConfigEdits,
        check_bool,
        check_interval,
        check_no_argument,
        check_plan_digest,
    )
    from workflows.malformed_messages import SignalledWorkflow
    from workflows.visibility import update_details, update_search_attributes

UPDATE_TIMEOUT: Final = timedelta(minutes=15)
"""How long an update waits: for a running sync and for its own, with all their attempts."""

MAX_WAITING_UPDATES: Final = 8
"""Temporal allows a workflow ten unfinished updates; the others are for messages that wait for nothing."""

LOOP_BUSY: Final = "LoopBusy"
"""The type of the error by which an update is refused that the loop takes soon."""


class FabricMessageHandlers(SignalledWorkflow):
    """The signals, updates and queries of a loop."""

    signals = 0
    """The signals of this run, malformed ones included."""

    def __init__(self, loop: FabricLoop) -> None:
        """Handle the messages of `loop`."""
        self._loop = loop
        self._waiting_updates = 0
        self._is_ending = False

    @workflow.signal
    def record_changed(self, unexpected: object = None) -> None:
        """Reload the record, which was created, edited, enabled, disabled or deleted."""
        check_no_argument(unexpected)
        self._loop.on_record_changed()

    @workflow.signal(name="pause")
    def pause_by_signal(self, reason: object = "", until: object = None) -> None:
        """Stop syncing until `resume`, or a time; the record stores the pause."""
        self._loop.apply_edits(ConfigEdits.pause(reason, until))

    @workflow.signal(name="resume")
    def resume_by_signal(self, unexpected: object = None) -> None:
        """Continue after a pause, on the same slots."""
        check_no_argument(unexpected)
        self._loop.apply_edits(RESUME)

    @workflow.signal(name="set_interval")
    def set_interval_by_signal(self, seconds: object = None) -> None:
        """Sync every `seconds` seconds; 0 switches the sync off."""
        self._loop.apply_edits(ConfigEdits(interval=check_interval(seconds)))

    @workflow.signal(name="sync_now")
    def sync_now_by_signal(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> None:
        """Sync at once; during a sync, once more afterwards (see `SyncRequest`)."""
        self._check_can_sync(full, accept_empty, adopt)
        self._loop.request_sync(_build_sync_request(full, accept_empty, adopt))

    @workflow.signal
    def inventory_ended(self, token: object = None, result: object = None) -> None:
        """Take note of the result of the pass with this token; ignore any other."""
        checked = check_token(token)
        if self._loop.inventory.find_running(checked):
            self._loop.end_pass(checked, parse_pass_result(result))
            update_details(self._loop)
        update_search_attributes(self._loop)

    @workflow.update
    def pause(self, reason: object = "", until: object = None) -> FabricStatus:
        """Do what the signal does, and return the status."""
        self.pause_by_signal(reason, until)
        return self._loop.status()

    @pause.validator
    def check_pause(self, reason: object = "", until: object = None) -> None:
        """Refuse an unusable reason or end."""
        ConfigEdits.pause(reason, until)
        self._check_takes_updates()

    @workflow.update
    def resume(self, unexpected: object = None) -> FabricStatus:
        """Do what the signal does, and return the status."""
        self.resume_by_signal()
        return self._loop.status()

    @resume.validator
    def check_resume(self, unexpected: object = None) -> None:
        """Refuse arguments."""
        check_no_argument(unexpected)
        self._check_takes_updates()

    @workflow.update
    def set_interval(self, seconds: object = None) -> FabricStatus:
        """Do what the signal does, and return the status."""
        self.set_interval_by_signal(seconds)
        return self._loop.status()

    @set_interval.validator
    def check_set_interval(self, seconds: object = None) -> None:
        """Refuse an unusable interval."""
        check_interval(seconds)
        self._check_takes_updates()

    @workflow.update
    async def sync_now(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> SyncReport:
        """Do what the signal does, and return the report of that sync."""
        request = _build_sync_request(full, accept_empty, adopt)
        return await self._wait_for_report(self._loop.request_sync(request))

    @sync_now.validator
    def check_sync_now(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> None:
        """Refuse unusable arguments, a disabled fabric, and one more that would wait."""
        self._check_can_sync(full, accept_empty, adopt)
        self._check_can_wait()

    @workflow.update
    async def confirm_deletes(self, plan_digest: object = None) -> SyncReport:
        """Confirm the waiting deletes; return the report of the sync that they follow."""
        number = self._loop.confirm_deletes(check_plan_digest(plan_digest))
        return await self._wait_for_report(number)

    @confirm_deletes.validator
    def check_confirm_deletes(self, plan_digest: object = None) -> None:
        """Refuse any plan but the waiting one, and what `sync_now` refuses."""
        self._check_can_sync()
        self._loop.inventory.validate_confirmation(check_plan_digest(plan_digest))
        self._check_can_wait()

    @workflow.query
    def status(self) -> FabricStatus:
        """Return everything the loop knows."""
        return self._loop.status()

    @workflow.query
    def history(self) -> list[SyncReport]:
        """Return the last reports, oldest first."""
        return list(self._loop.history.reports)

    def on_signal(self) -> None:
        """Count it."""
        self.signals += 1

    def on_malformed_signal(self) -> None:
        """Write what earlier signals have changed, in the order of recorded histories."""
        update_search_attributes(self._loop)

    def note_ignored(self, text: str) -> None:
        """Show a malformed signal in the workflow details and the status."""
        self._loop.note_ignored(text)
        update_details(self._loop)

    def _check_can_sync(self, *flags: object) -> None:
        for flag in flags:
            check_bool(flag or False)
        if self._loop.config is not None and not self._loop.is_needed:
            status = self._loop.last_known_status
            raise ValueError(f"fabric {self._loop.fabric_id} is {status}; enable it first")

    def _check_can_wait(self) -> None:
        """Refuse an update that waits for a sync if too many do."""
        self._check_takes_updates()
        if self._waiting_updates >= MAX_WAITING_UPDATES:
            raise ApplicationError(
                f"{self._waiting_updates} others wait for a sync of {self._loop.fabric_id} already; try again when it"
                " has ended, or send the signal sync_now, which does not wait",
                type=LOOP_BUSY,
            )

    def _check_takes_updates(self) -> None:
        """Refuse updates where more of them would keep the history growing."""
        events = workflow.info().get_current_history_length()
        if events >= self._loop.settings.update_limit_events:
            raise ApplicationError(
                f"the loop of {self._loop.fabric_id} starts a new run when all who wait for a sync have their answer;"
                " try again in a second, or send a signal instead",
                type=LOOP_BUSY,
            )

    async def _wait_for_report(self, number: int) -> SyncReport:
        loop = self._loop
        self._waiting_updates += 1
        try:
            await workflow.wait_condition(
                lambda: loop.history.syncs >= number or self._is_ending, timeout=UPDATE_TIMEOUT
            )
        except TimeoutError:
            raise ApplicationError(
                "The sync is still running; its report will be in `starter.py history`."
            ) from None
        finally:
            self._waiting_updates -= 1
        report = loop.history.find(number)
        if report is None:
            raise ApplicationError(
                f"Fabric {loop.fabric_id} was switched off before it could sync."
            )
        return report


def _build_sync_request(full: object, accept_empty: object, adopt: object) -> SyncRequest:
    return SyncRequest(full=bool(full), accept_empty=bool(accept_empty), adopt=bool(adopt))
