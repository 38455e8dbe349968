"""An environment for the fleet workflow: a controllable `reconcile` activity.

Only time-skipping tests use it, to test when rounds happen; what a round does is tested on the real stack.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.fleet.reconcile import RoundRequest, RoundResult
from activities.heartbeat import HeartbeatInterceptor
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from settings import Settings
from tests.support.system.installation import wait_until
from tests.support.workflows.details import read_details
from workers.activity_workers import HEARTBEAT_INTERVAL
from workflows.fleet import Fleet, FleetState
from workflows.malformed_messages import MalformedMessageInterceptor


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class FleetEnvironment:
    """What rounds return, and the requests for them."""

    rounds: list[datetime] = field(default_factory=list)
    """When each round was scheduled, on the server's clock."""
    known_releases: list[tuple[str, ...]] = field(default_factory=list)
    """The releases in the request of each round."""
    announced: list[str] = field(default_factory=list)
    """What the request of each round says of the one before: its number."""
    release: str = "first"
    interval: int = field(default_factory=lambda: Settings().fleet_interval)
    """The setting of the worker that makes the rounds; at first the default."""
    hint_pause: int = 0
    """As `interval`; at first none, as in older histories."""
    error: str = ""
    crashes: bool = False
    gate: asyncio.Event = field(default_factory=_open_gate)
    """A round ends only while the gate is open."""

    @activity.defn
    async def reconcile(self, request: RoundRequest) -> RoundResult:
        """Count the round, and succeed or fail as the test has set."""
        self.rounds.append(activity.info().scheduled_time)
        self.known_releases.append(request.releases)
        self.announced.append(request.announced)
        await self.gate.wait()
        if self.crashes:
            raise ZeroDivisionError
        if self.error:
            raise ApplicationError(self.error)
        summary = FleetSummary(checked=self.rounds[-1], states={"in_sync": len(self.rounds)})
        return RoundResult(
            release=self.release,
            interval=self.interval,
            hint_pause=self.hint_pause,
            summary=summary,
            announced=str(len(self.rounds)),
        )


@dataclass
class RunningFleet:
    """A fleet under test."""

    env: WorkflowEnvironment
    environment: FleetEnvironment
    handle: WorkflowHandle[Fleet, None]

    async def summary(self) -> FleetSummary:
        """Query its summary."""
        return await self.handle.query(Fleet.summary)

    async def details(self) -> str:
        """Query what the Web UI shows."""
        return await read_details(self.handle)

    async def signal_change(self) -> None:
        """Signal that a record changed."""
        await self.handle.signal(Fleet.record_changed)

    async def sleep(self, seconds: float) -> None:
        """Skip time on the server, in steps shorter than its call timeouts."""
        remaining = seconds
        while remaining > 0:
            step = min(remaining, 300)
            await self.env.sleep(step)
            remaining -= step

    async def until_rounds(self, number: int) -> None:
        """Wait in real time until that many rounds have begun."""

        async def count_rounds() -> int:
            return len(self.environment.rounds)

        await wait_until(count_rounds, lambda count: count >= number)


@asynccontextmanager
async def fleet(
    env: WorkflowEnvironment, environment: FleetEnvironment
) -> AsyncIterator[RunningFleet]:
    """Run a fleet with its worker, and terminate it in the end."""
    queue = f"queue-{uuid4().hex[:8]}"
    worker = Worker(
        env.client,
        task_queue=queue,
        workflows=[Fleet],
        activities=[environment.reconcile],
        max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
        interceptors=[MalformedMessageInterceptor(), HeartbeatInterceptor()],
    )
    async with worker:
        handle = await env.client.start_workflow(
            Fleet.run, FleetState(), id=FLEET_WORKFLOW_ID, task_queue=queue
        )
        try:
            yield RunningFleet(env, environment, handle)
        finally:
            current_run = env.client.get_workflow_handle(FLEET_WORKFLOW_ID)
            if (await current_run.describe()).close_time is None:
                await current_run.terminate()
