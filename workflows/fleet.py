"""`Fleet`: the workflow that gives every fabric its loop.

Its id is `fabric-fleet`, so there is one. Every half a minute, and at once when it is told that a record
changed, one activity compares all records with all loops. What that means is decided in `fabrics.fleet`;
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
    from fabrics.fleet.summary import FleetSummary, fleet_markdown
    from fabrics.loop.loop import LOST_TASK
    from fabrics.record.config import check_nothing
    from workflows import activity_calls
    from workflows.malformed_messages import NotesMalformedSignals

ROUND: Final = timedelta(seconds=30)
"""From one round to the next: an edit in NetBox counts within 40 s, at one list a round."""

LONG_HISTORY: Final = 300
"""Events after which a new run starts, about 13 minutes' worth."""

KEPT_RELEASES: Final = 5
"""Releases that are remembered: during a roll-out old and new workers make rounds in turn."""


class FleetState(BaseModel):
    """What passes from one run to the next."""

    summary: FleetSummary = FleetSummary()
    releases: tuple[str, ...] = ()


@workflow.defn
class Fleet(NotesMalformedSignals):
    """Looks after all loops, for ever."""

    @workflow.init
    def __init__(self, fleet: FleetState) -> None:
        """Take over the state of the run before."""
        self._fleet = fleet
        self._told = False
        self._ignored = ""

    @workflow.run
    async def run(self, fleet: FleetState) -> None:
        """Make rounds until the history is long; then go on in a new run."""
        while workflow.info().get_current_history_length() < LONG_HISTORY:
            await self._make_round()
            await self._wait()
        workflow.continue_as_new(self._fleet, task_timeout=LOST_TASK)

    @workflow.signal
    def record_changed(self, unexpected: object = None) -> None:
        """A record was created, edited or deleted: look at once."""
        check_nothing(unexpected)
        self._told = True

    @workflow.query
    def summary(self) -> FleetSummary:
        """How the fleet was at the latest round."""
        return self._fleet.summary

    def note_ignored(self, text: str) -> None:
        """Keep what a malformed signal was, for the details."""
        self._ignored = f"ignored: {text}"[:300]
        self._show()

    async def _make_round(self) -> None:
        self._told = False
        try:
            seen = await activity_calls.reconcile(RoundRequest(releases=self._fleet.releases))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            failed = self._fleet.summary.model_copy(
                update={"error": activity_calls.round_sentence(error)}
            )
            self._fleet.summary = failed
        else:
            self._fleet.summary = seen.summary
            if seen.release not in self._fleet.releases:
                self._fleet.releases = (*self._fleet.releases, seen.release)[-KEPT_RELEASES:]
        self._show()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._told, timeout=ROUND, timeout_summary="until the next look at NetBox"
            )

    def _show(self) -> None:
        said = f"- Message: {self._ignored}" if self._ignored else ""
        workflow.set_current_details(
            "\n".join(filter(None, (fleet_markdown(self._fleet.summary), said)))
        )
