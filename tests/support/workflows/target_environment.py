"""An environment for a target of notifications that a test controls.

Only time-skipping tests use it. What an activity sends is tested with real receivers.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.notifications.deliver import Delivery
from fabrics.fleet.notifications import (
    Notification,
    TargetState,
    TargetSummary,
    notifications_workflow_id,
)
from fabrics.fleet.states import FleetStates, StateGroup
from fabrics.record.task_queues import notification_queue
from workflows.malformed_messages import MalformedMessageInterceptor
from workflows.notifications import FabricNotifications

INTERVAL, ROUND = 300, 30


@dataclass
class RunningTarget:
    """A target under test, which takes messages unless there is an `error`.

    One of a type is permanent.
    """

    env: WorkflowEnvironment
    handle: WorkflowHandle[FabricNotifications, None]
    error: str = ""
    error_type: str | None = None
    taken: list[Notification] = field(default_factory=list)
    attempts: list[datetime] = field(default_factory=list)

    @activity.defn
    async def deliver(self, delivery: Delivery) -> None:
        """Take a message, or refuse it."""
        assert delivery.target == "ops"
        self.attempts.append(activity.info().current_attempt_scheduled_time)
        if self.error:
            permanent = self.error_type is not None
            raise ApplicationError(self.error, type=self.error_type, non_retryable=permanent)
        self.taken.append(delivery.message)

    async def observe(self, **states: str) -> None:
        """Send what a round found: a state by fabric id."""
        await self.handle.signal("states_changed", await self.make_states(states))

    async def make_states(self, states: Mapping[str, str]) -> FleetStates:
        """Return what a round finds now."""
        groups = (
            StateGroup(state=state, interval=INTERVAL, fabrics=(fabric_id,))
            for fabric_id, state in states.items()
        )
        return FleetStates(
            checked=await self.env.get_current_time(), round_interval=ROUND, groups=tuple(groups)
        )

    async def summary(self) -> TargetSummary:
        """Query how the target is."""
        return await self.handle.query(FabricNotifications.summary)

    async def sleep(self, seconds: float) -> None:
        """Skip time on the server, in steps shorter than its call timeouts."""
        while seconds > 0:
            await self.env.sleep(min(seconds, 300))
            seconds -= 300

    def told(self) -> list[tuple[str, list[str]]]:
        """List the states and fabrics of the messages that were taken."""
        return [
            (message.state, [news.fabric_id for news in message.fabrics]) for message in self.taken
        ]


@asynccontextmanager
async def target(env: WorkflowEnvironment) -> AsyncIterator[RunningTarget]:
    """Run a target with its worker, and terminate it in the end."""
    queue, id_ = f"queue-{uuid4().hex[:8]}", notifications_workflow_id("ops")
    running = RunningTarget(env, env.client.get_workflow_handle_for(FabricNotifications.run, id_))
    workflows = Worker(
        env.client,
        task_queue=queue,
        workflows=[FabricNotifications],
        interceptors=[MalformedMessageInterceptor()],
    )
    deliveries = Worker(
        env.client, task_queue=notification_queue(queue), activities=[running.deliver]
    )
    async with workflows, deliveries:
        await env.client.start_workflow(
            FabricNotifications.run, TargetState(target="ops"), id=id_, task_queue=queue
        )
        try:
            yield running
        finally:
            if (await running.handle.describe()).close_time is None:
                await running.handle.terminate()
