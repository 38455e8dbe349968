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
        check_digest,
        check_interval,
        check_nothing,
        check_reason,
        check_switch,
    )
    from workflows.malformed_messages import NotesMalformedSignals
    from workflows.visibility import show

LONGEST_WAIT: Final = timedelta(minutes=15)
"""How long an update waits for its sync: a sync under way and its own, with all their attempts."""


class FabricMessages(NotesMalformedSignals):
    """The signals, updates and queries of a loop."""

    def __init__(self, loop: FabricLoop) -> None:
        """Handlers change `loop`."""
        self._loop = loop
        self._waiting = 0
        self._ending = False

    @workflow.signal
    def record_changed(self, unexpected: object = None) -> None:
        """The record was created, edited, enabled, disabled or deleted: read it again."""
        check_nothing(unexpected)
        self._loop.reload, self._loop.record_retry = True, None

    @workflow.signal(name="pause")
    def pause_by_signal(self, reason: object = "") -> None:
        """Stop syncing until `resume`; the record remembers it."""
        self._loop.edit(ConfigEdits(paused=True, pause_reason=check_reason(reason or "")))

    @workflow.signal(name="resume")
    def resume_by_signal(self, unexpected: object = None) -> None:
        """Go on after a pause, on the same slots."""
        check_nothing(unexpected)
        self._loop.edit(ConfigEdits(paused=False, pause_reason=""))

    @workflow.signal(name="set_interval")
    def set_interval_by_signal(self, seconds: object = None) -> None:
        """Sync every `seconds` seconds; 0 switches the sync off."""
        self._loop.edit(ConfigEdits(interval=check_interval(seconds)))

    @workflow.signal(name="sync_now")
    def sync_now_by_signal(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> None:
        """Sync at once; during a sync, once more afterwards. See `SyncRequest` for the arguments."""
        self._check_can_sync(full, accept_empty, adopt)
        self._loop.ask_for_sync(_request(full, accept_empty, adopt))

    @workflow.update
    def pause(self, reason: object = "") -> FabricStatus:
        """As the signal; answers with the status."""
        self.pause_by_signal(reason)
        return self._loop.status()

    @pause.validator
    def check_pause(self, reason: object = "") -> None:
        """Refuse what is not a reason."""
        check_reason(reason or "")

    @workflow.update
    def resume(self, unexpected: object = None) -> FabricStatus:
        """As the signal; answers with the status."""
        self.resume_by_signal()
        return self._loop.status()

    @resume.validator
    def check_resume(self, unexpected: object = None) -> None:
        """Refuse arguments."""
        check_nothing(unexpected)

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
        return await self._report_of(self._loop.ask_for_sync(_request(full, accept_empty, adopt)))

    @sync_now.validator
    def check_sync_now(
        self, full: object = False, accept_empty: object = False, adopt: object = False
    ) -> None:
        """Refuse where no sync can follow."""
        self._check_can_sync(full, accept_empty, adopt)

    @workflow.update
    async def confirm_deletes(self, plan_digest: object = None) -> SyncReport:
        """Agree to the deletes that wait; answers with the report of the sync that does them."""
        return await self._report_of(self._loop.confirm_deletes(check_digest(plan_digest)))

    @confirm_deletes.validator
    def check_confirm_deletes(self, plan_digest: object = None) -> None:
        """Refuse any plan but the one that waits, and where no sync can follow."""
        self._check_can_sync()
        self._loop.inventory.check_waits(check_digest(plan_digest))

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
        self._loop.ignored = f"ignored: {text}"[:300]
        show(self._loop)

    def _check_can_sync(self, *switches: object) -> None:
        for switch in switches:
            check_switch(switch or False)
        if self._loop.config is not None and not self._loop.wanted:
            raise ValueError(
                f"fabric {self._loop.fabric_id} is {self._loop.status().sync_status}; enable it first"
            )

    async def _report_of(self, number: int) -> SyncReport:
        loop = self._loop
        self._waiting += 1
        try:
            await workflow.wait_condition(
                lambda: loop.syncs >= number or self._ending, timeout=LONGEST_WAIT
            )
        except TimeoutError:
            raise ApplicationError(
                "The sync has not ended yet; its report will be in the history."
            ) from None
        finally:
            self._waiting -= 1
        for report in loop.reports:
            if report.number == number:
                return report
        raise ApplicationError(f"Fabric {loop.fabric_id} was switched off before it could sync.")


def _request(full: object, accept_empty: object, adopt: object) -> SyncRequest:
    return SyncRequest(full=bool(full), accept_empty=bool(accept_empty), adopt=bool(adopt))
