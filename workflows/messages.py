"""What people and programs can tell a loop, or ask it, while it runs.

Handlers only change the state and return; the loop does the work. Each change can be sent as a signal
(heard even when no worker runs) and as an update (which answers). Every argument is an object with a
default, since anyone may send anything: the same pure checks guard both, and what a signal got wrong
is noted in the details.
"""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from fabrics.loop.active_sync import SyncRequest
    from fabrics.loop.loop import FabricLoop
    from fabrics.loop.report import FabricStatus, SyncReport
    from fabrics.record.config import (
        ConfigEdits,
        check_bool,
        check_interval,
        check_no_argument,
        check_pause_reason,
        check_plan_digest,
    )
    from workflows.malformed_messages import MalformedSignalHandler
    from workflows.visibility import update_visibility

UPDATE_TIMEOUT: Final = timedelta(minutes=15)
"""How long an update waits for its sync: a sync under way and its own, with all their attempts."""


class FabricMessageHandlers(MalformedSignalHandler):
    """The signals, updates and queries of a loop."""

    def __init__(self, loop: FabricLoop) -> None:
        """Handlers change `loop`."""
        self._loop = loop
        self._waiting_updates = 0
        self._is_ending = False

    @workflow.signal
    def record_changed(self, unexpected: object = None) -> None:
        """The record was created, edited, enabled, disabled or deleted: read it again."""
        check_no_argument(unexpected)
        self._loop.needs_reload, self._loop.record_retry_at = True, None

    @workflow.signal(name="pause")
    def pause_by_signal(self, reason: object = "") -> None:
        """Stop syncing until `resume`; the record remembers it."""
        self._loop.apply_edits(
            ConfigEdits(paused=True, pause_reason=check_pause_reason(reason or ""))
        )

    @workflow.signal(name="resume")
    def resume_by_signal(self, unexpected: object = None) -> None:
        """Go on after a pause, on the same slots."""
        check_no_argument(unexpected)
        self._loop.apply_edits(ConfigEdits(paused=False, pause_reason=""))

    @workflow.signal(name="set_interval")
    def set_interval_by_signal(self, seconds: object = None) -> None:
        """Sync every `seconds` seconds; 0 switches the sync off."""
        self._loop.apply_edits(ConfigEdits(interval=check_interval(seconds)))

    @workflow.signal(name="sync_now")
    def sync_now_by_signal(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> None:
        """Sync at once; during a sync, once more afterwards. See `SyncRequest` for the arguments."""
        self._check_can_sync(full, accept_empty, adopt)
        self._loop.request_sync(_build_sync_request(full, accept_empty, adopt))

    @workflow.update
    def pause(self, reason: object = "") -> FabricStatus:
        """As the signal; answers with the status."""
        self.pause_by_signal(reason)
        return self._loop.status()

    @pause.validator
    def check_pause(self, reason: object = "") -> None:
        """Refuse what is not a reason."""
        check_pause_reason(reason or "")

    @workflow.update
    def resume(self, unexpected: object = None) -> FabricStatus:
        """As the signal; answers with the status."""
        self.resume_by_signal()
        return self._loop.status()

    @resume.validator
    def check_resume(self, unexpected: object = None) -> None:
        """Refuse arguments."""
        check_no_argument(unexpected)

    @workflow.update
    def set_interval(self, seconds: object = None) -> FabricStatus:
        """As the signal; answers with the status."""
        self.set_interval_by_signal(seconds)
        return self._loop.status()

    @set_interval.validator
    def check_set_interval(self, seconds: object = None) -> None:
        """Refuse what is not an interval."""
        check_interval(seconds)

    @workflow.update
    async def sync_now(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> SyncReport:
        """As the signal; answers with the report of that sync."""
        return await self._wait_for_report(
            self._loop.request_sync(_build_sync_request(full, accept_empty, adopt))
        )

    @sync_now.validator
    def check_sync_now(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> None:
        """Refuse where no sync can follow."""
        self._check_can_sync(full, accept_empty, adopt)

    @workflow.update
    async def confirm_deletes(self, plan_digest: object = None) -> SyncReport:
        """Agree to the deletes that wait; answers with the report of the sync that does them."""
        return await self._wait_for_report(
            self._loop.confirm_deletes(check_plan_digest(plan_digest))
        )

    @confirm_deletes.validator
    def check_confirm_deletes(self, plan_digest: object = None) -> None:
        """Refuse any plan but the one that waits, and where no sync can follow."""
        self._check_can_sync()
        self._loop.inventory.validate_confirmation(check_plan_digest(plan_digest))

    @workflow.query
    def status(self) -> FabricStatus:
        """Everything the loop knows."""
        return self._loop.status()

    @workflow.query
    def history(self) -> list[SyncReport]:
        """The last syncs, oldest first."""
        return self._loop.reports

    def note_ignored(self, text: str) -> None:
        """Keep what a malformed signal was, for the details and the query."""
        self._loop.ignored_message = f"ignored: {text}"[:300]
        update_visibility(self._loop)

    def _check_can_sync(self, *flags: object) -> None:
        for switch in flags:
            check_bool(switch or False)
        if self._loop.config is not None and not self._loop.is_needed:
            raise ValueError(
                f"fabric {self._loop.fabric_id} is {self._loop.status().sync_status}; enable it first"
            )

    async def _wait_for_report(self, number: int) -> SyncReport:
        loop = self._loop
        self._waiting_updates += 1
        try:
            await workflow.wait_condition(
                lambda: loop.syncs >= number or self._is_ending, timeout=UPDATE_TIMEOUT
            )
        except TimeoutError:
            raise ApplicationError(
                "The sync has not ended yet; its report will be in the history."
            ) from None
        finally:
            self._waiting_updates -= 1
        for report in loop.reports:
            if report.number == number:
                return report
        raise ApplicationError(f"Fabric {loop.fabric_id} was switched off before it could sync.")


def _build_sync_request(full: object, accept_empty: object, adopt: object) -> SyncRequest:
    return SyncRequest(full=bool(full), accept_empty=bool(accept_empty), adopt=bool(adopt))
