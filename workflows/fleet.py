"""`Fleet`: the workflow that gives every fabric its loop.

Its id is `fabric-fleet`, so there is only one. At intervals, and at once after the signal `record_changed`,
one activity compares all records with all loops as `fabrics.fleet.reconcile` says.
"""

from contextlib import suppress
from typing import Final

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.fleet.reconcile import RoundRequest
    from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
    from fabrics.fleet.summary import FleetSummary, render_fleet_details
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
    from fabrics.record.config import check_no_argument
    from fabrics.texts import escape_markdown
    from workflows.activity_calls import reconcile
    from workflows.activity_errors import describe_round_error, raise_if_cancelled
    from workflows.malformed_messages import SignalledWorkflow
    from workflows.workflow_ids import check_workflow_id

MAX_HISTORY_EVENTS: Final = 300
"""Events after which a new run starts, some 26 rounds."""

MAX_RELEASES: Final = 5
"""How many releases are remembered: during a rollout old and new workers take turns."""


class FleetState(BaseModel):
    """The state that passes from one run to the next.

    `interval`, the seconds between rounds, is as set for the worker that made the last one, and so is `hint_pause`,
    the seconds after a round on a hint in which no other hint starts one. `announced` identifies what targets of
    notifications were told.
    """

    interval: int = 30
    hint_pause: int = 0
    summary: FleetSummary = FleetSummary()
    releases: tuple[str, ...] = ()
    announced: str = ""


@workflow.defn
class Fleet(SignalledWorkflow):
    """Starts, notifies and counts all loops, forever."""

    @workflow.init
    def __init__(self, state: FleetState) -> None:
        """Take over the state of the previous run."""
        self._state = state
        self._change_signalled = False
        self._was_hinted = False
        self._ignored_message = ""

    @workflow.run
    async def run(self, state: FleetState) -> None:
        """Make rounds until the history is long, then continue in a new run."""
        check_workflow_id(FLEET_WORKFLOW_ID, "Workers start that one and keep it running.")
        self._update_details()
        while workflow.info().get_current_history_length() < MAX_HISTORY_EVENTS:
            await self._make_round()
            await self._wait_for_round()
        workflow.continue_as_new(self._state, task_timeout=WORKFLOW_TASK_TIMEOUT)

    @workflow.signal
    def record_changed(self, unexpected: object = None) -> None:
        """Make a round at once, since a record was created, edited or deleted."""
        check_no_argument(unexpected)
        self._change_signalled = True

    @workflow.query
    def summary(self) -> FleetSummary:
        """Return the state of the fleet as of the last round."""
        return self._state.summary

    def note_ignored(self, text: str) -> None:
        """Show a malformed signal in the workflow details."""
        self._ignored_message = f"ignored: {text}"[:300]
        self._update_details()

    async def _make_round(self) -> None:
        self._was_hinted, self._change_signalled = self._change_signalled, False
        try:
            result = await reconcile(
                RoundRequest(releases=self._state.releases, announced=self._state.announced)
            )
        except ActivityError as error:
            raise_if_cancelled(error)
            failure = {"error": describe_round_error(error)}
            self._state.summary = self._state.summary.model_copy(update=failure)
        else:
            self._state.summary, self._state.interval = result.summary, result.interval
            self._state.hint_pause, self._state.announced = result.hint_pause, result.announced
            if result.release not in self._state.releases:
                self._state.releases = (*self._state.releases, result.release)[-MAX_RELEASES:]
        self._update_details()

    async def _wait_for_round(self) -> None:
        """Wait for the interval or a hint: a single one is heard at once, many in turn."""
        if self._was_hinted and self._state.hint_pause:
            await workflow.sleep(self._state.hint_pause, summary="wait for more hints")
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._change_signalled,
                timeout=self._state.interval,
                timeout_summary="wait for the next round",
            )

    def _update_details(self) -> None:
        ignored = escape_markdown(self._ignored_message)
        message = f"\n- Message: {ignored}" if ignored else ""
        workflow.set_current_details(render_fleet_details(self._state.summary) + message)
