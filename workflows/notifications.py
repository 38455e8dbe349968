"""`FabricNotifications`: what one target was told, and the messages to it.

Its id is `fabric-notifications/<target>`. Each round of the fleet with other states than before signals it. It keeps
what was told, whatever becomes of the fleet's workflow, so that nothing is told twice. Only this workflow waits for a
target that does not answer.
"""

from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.checks import Check
    from activities.errors import UnknownTarget
    from activities.notifications.deliver import Delivery, NotificationActivities
    from fabrics.fleet.notifications import (
        NEVER,
        Notification,
        TargetState,
        TargetSummary,
        notifications_workflow_id,
        render_target_details,
    )
    from fabrics.fleet.states import parse_states
    from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT
    from fabrics.record.task_queues import notification_queue
    from fabrics.texts import cut_summary, escape_markdown
    from fabrics.times import format_time
    from workflows.activity_calls import HEARTBEAT_TIMEOUT
    from workflows.activity_errors import (
        build_retry_policy,
        describe_delivery_error,
        is_caused_by,
        raise_if_cancelled,
    )
    from workflows.malformed_messages import SignalledWorkflow
    from workflows.workflow_ids import check_workflow_id

MAX_HISTORY_EVENTS: Final = 150
"""Events after which a new run starts."""

ATTEMPT_TIMEOUT: Final = timedelta(seconds=30)
DELIVERY_TIMEOUT: Final = timedelta(minutes=5)
"""How long one message is tried; after that, what it says may no longer hold."""

RETRY_PAUSE: Final = timedelta(minutes=10)
"""How long a target that took no message is left alone."""

DELIVERY_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=5), maximum_interval=timedelta(minutes=1)
)

FORGET_AFTER: Final = timedelta(days=7)
"""Without a word of the fleet, which comes daily, the target is one no longer."""

MIN_TIMER: Final = timedelta(milliseconds=1)
"""The timer for what is due already: without any time, none would be started."""


@workflow.defn
class FabricNotifications(SignalledWorkflow):
    """Remembers what a target was told, and sends it what is news."""

    @workflow.init
    def __init__(self, state: TargetState) -> None:
        """Take over the state of the previous run."""
        self._state = state
        self._has_new_states = False
        self._last_timer_time = NEVER
        self._ignored_message = ""
        self._is_unknown = False

    @workflow.run
    async def run(self, state: TargetState) -> None:
        """Send messages as they are due, until the target is one no longer."""
        id_ = notifications_workflow_id(state.target)
        check_workflow_id(id_, "Rounds of the fleet start that one.")
        while not (self._is_unknown or self._is_forgotten):
            self._update_details()
            if message := self._state.build_message(self._last_timer_time):
                await self._deliver(message)
            else:
                await self._wait_for_work()
            if workflow.info().get_current_history_length() >= MAX_HISTORY_EVENTS:
                workflow.continue_as_new(self._state, task_timeout=WORKFLOW_TASK_TIMEOUT)

    @workflow.signal
    def states_changed(self, states: object = None) -> None:
        """Take over the states of all fabrics."""
        self._state.observe(parse_states(states, workflow.now()))
        self._has_new_states = True

    @workflow.query
    def summary(self) -> TargetSummary:
        """Return how the target is."""
        return self._state.summary

    def note_ignored(self, text: str) -> None:
        """Show a malformed signal in the workflow details."""
        self._ignored_message = f"ignored: {text}"[:300]
        self._update_details()

    async def _deliver(self, message: Notification) -> None:
        try:
            await workflow.execute_activity_method(
                NotificationActivities.deliver,
                Delivery(target=self._state.target, message=message),
                task_queue=notification_queue(workflow.info().task_queue),
                start_to_close_timeout=ATTEMPT_TIMEOUT,
                schedule_to_close_timeout=DELIVERY_TIMEOUT,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=DELIVERY_RETRIES,
                summary=cut_summary(message.title),
            )
        except ActivityError as error:
            raise_if_cancelled(error)
            if is_caused_by(error, UnknownTarget):
                self._is_unknown = True
                return
            self._state.on_failed(describe_delivery_error(error))
            self._update_details()
            retry_at = workflow.now() + RETRY_PAUSE
            await workflow.sleep(RETRY_PAUSE, summary="leave the target alone")
            self._last_timer_time = max(self._last_timer_time, retry_at)
        else:
            self._state.on_told(message, workflow.now())

    async def _wait_for_work(self) -> None:
        """Wait for new states, for the next message, or until the target is forgotten.

        What is due depends on timers that have fired, never on the clock, so that replays agree.
        """
        wake = min(self._state.next_due or self._forget_at, self._forget_at)
        self._has_new_states = False
        try:
            await workflow.wait_condition(
                lambda: self._has_new_states,
                timeout=max(wake - workflow.now(), MIN_TIMER),
                timeout_summary=f"until {format_time(wake)}",
            )
        except TimeoutError:
            self._last_timer_time = max(self._last_timer_time, wake)

    @property
    def _forget_at(self) -> datetime:
        states = self._state.states
        return (states.checked if states else workflow.info().start_time) + FORGET_AFTER

    @property
    def _is_forgotten(self) -> bool:
        return self._last_timer_time >= self._forget_at

    def _update_details(self) -> None:
        ignored = escape_markdown(self._ignored_message)
        message = f"\n- Message: {ignored}" if ignored else ""
        workflow.set_current_details(render_target_details(self._state) + message)


@workflow.defn
class NotificationTest:
    """Send a test message to all targets of notifications."""

    @workflow.run
    async def run(self) -> list[Check]:
        """Send it from a worker, which has the secrets of the targets."""
        return await workflow.execute_activity_method(
            NotificationActivities.test_targets,
            task_queue=notification_queue(workflow.info().task_queue),
            schedule_to_close_timeout=2 * ATTEMPT_TIMEOUT,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=build_retry_policy(retry=False),
            summary="send a test message to each target",
        )
