"""`Fleet`: the workflow that gives every fabric its loop.

Its id is `fabric-fleet`, so there is one. Every half a minute, and at once when it is told that a record
changed, one activity compares all records with all loops. What that means is decided in `fabrics.fleet.reconcile`;
here is only when.
"""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.fleet import RoundRequest
    from fabrics.fleet.summary import FleetSummary, render_fleet_details
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
    from fabrics.record.config import check_no_argument
    from workflows import activity_calls
    from workflows.malformed_messages import MalformedSignalHandler

ROUND_INTERVAL: Final = timedelta(seconds=30)
"""From one round to the next: an edit in NetBox counts within 40 s, at one list a round."""

MAX_HISTORY_EVENTS: Final = 300
"""Events after which a new run starts, about 13 minutes' worth."""

MAX_RELEASES: Final = 5
"""Releases that are remembered: during a roll-out old and new workers make rounds in turn."""


class FleetState(BaseModel):
    """What passes from one run to the next."""

    summary: FleetSummary = FleetSummary()
    releases: tuple[str, ...] = ()


@workflow.defn
class Fleet(MalformedSignalHandler):
    """Looks after all loops, for ever."""

    @workflow.init
    def __init__(self, state: FleetState) -> None:
        """Take over the state of the run before."""
        self._state = state
        self._change_signalled = False
        self._ignored_message = ""

    @workflow.run
    async def run(self, state: FleetState) -> None:
        """Make rounds until the history is long; then go on in a new run."""
        while workflow.info().get_current_history_length() < MAX_HISTORY_EVENTS:
            await self._make_round()
            await self._wait_for_round()
        workflow.continue_as_new(self._state, task_timeout=WORKFLOW_TASK_TIMEOUT)

    @workflow.signal
    def record_changed(self, unexpected: object = None) -> None:
        """A record was created, edited or deleted: look at once."""
        check_no_argument(unexpected)
        self._change_signalled = True

    @workflow.query
    def summary(self) -> FleetSummary:
        """How the fleet was at the latest round."""
        return self._state.summary

    def note_ignored(self, text: str) -> None:
        """Keep what a malformed signal was, for the details."""
        self._ignored_message = f"ignored: {text}"[:300]
        self._update_details()

    async def _make_round(self) -> None:
        self._change_signalled = False
        try:
            seen = await activity_calls.reconcile(RoundRequest(releases=self._state.releases))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            failed = self._state.summary.model_copy(
                update={"error": activity_calls.describe_round_error(error)}
            )
            self._state.summary = failed
        else:
            self._state.summary = seen.summary
            if seen.release not in self._state.releases:
                self._state.releases = (*self._state.releases, seen.release)[-MAX_RELEASES:]
        self._update_details()

    async def _wait_for_round(self) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._change_signalled,
                timeout=ROUND_INTERVAL,
                timeout_summary="until the next look at NetBox",
            )

    def _update_details(self) -> None:
        said = f"- Message: {self._ignored_message}" if self._ignored_message else ""
        workflow.set_current_details(
            "\n".join(filter(None, (render_fleet_details(self._state.summary), said)))
        )
