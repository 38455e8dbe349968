"""A world for the fleet to look at: one activity of the real name that tests control.

Only time-skipping tests use it: what a round does is tested on the real stack, here is when.
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

from activities.fleet import RoundRequest, RoundResult
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.fleet.summary import FleetSummary
from tests.support.system.installation import until
from workflows.fleet import Fleet, FleetState
from workflows.malformed_messages import MalformedMessageInterceptor


def _open() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass
class FleetEnvironment:
    """What rounds find, and what was asked of them."""

    rounds: list[datetime] = field(default_factory=list)
    """When each was to begin, on the server's clock."""
    known: list[tuple[str, ...]] = field(default_factory=list)
    """The releases that each was told of."""
    release: str = "first"
    error: str = ""
    unforeseen: bool = False
    go_on: asyncio.Event = field(default_factory=_open)
    """A round ends only while this is set."""

    @activity.defn
    async def reconcile(self, request: RoundRequest) -> RoundResult:
        """Count the rounds, or fail as the test says."""
        self.rounds.append(activity.info().scheduled_time)
        self.known.append(request.releases)
        await self.go_on.wait()
        if self.unforeseen:
            raise ZeroDivisionError
        if self.error:
            raise ApplicationError(self.error)
        summary = FleetSummary(checked=self.rounds[-1], states={"in_sync": len(self.rounds)})
        return RoundResult(release=self.release, summary=summary)


@dataclass
class RunningFleet:
    """A fleet under test."""

    env: WorkflowEnvironment
    world: FleetEnvironment
    handle: WorkflowHandle[Fleet, None]

    async def summary(self) -> FleetSummary:
        """What it says."""
        return await self.handle.query(Fleet.summary)

    async def details(self) -> str:
        """What the Web UI shows."""
        answer: str = await self.handle.query("__temporal_workflow_metadata", result_type=object)
        return str(answer)

    async def tell(self) -> None:
        """Tell it that a record changed."""
        await self.handle.signal(Fleet.record_changed)

    async def sleep(self, seconds: float) -> None:
        """Let time pass for the server, in steps that its calls survive."""
        left = seconds
        while left > 0:
            step = min(left, 1800)
            await self.env.sleep(step)
            left -= step

    async def until_rounds(self, number: int) -> None:
        """Wait until that many rounds have begun, while the server's clock goes as ours does."""

        async def begun() -> int:
            return len(self.world.rounds)

        await until(begun, lambda count: count >= number, seconds=20)


@asynccontextmanager
async def fleet(env: WorkflowEnvironment, world: FleetEnvironment) -> AsyncIterator[RunningFleet]:
    """A running fleet with its worker; it is terminated in the end."""
    queue = f"queue-{uuid4().hex[:8]}"
    worker = Worker(
        env.client,
        task_queue=queue,
        workflows=[Fleet],
        activities=[world.reconcile],
        interceptors=[MalformedMessageInterceptor()],
    )
    async with worker:
        handle = await env.client.start_workflow(
            Fleet.run, FleetState(), id=FLEET_WORKFLOW_ID, task_queue=queue
        )
        try:
            yield RunningFleet(env, world, handle)
        finally:
            if (
                await env.client.get_workflow_handle(FLEET_WORKFLOW_ID).describe()
            ).close_time is None:
                await env.client.get_workflow_handle(FLEET_WORKFLOW_ID).terminate()
