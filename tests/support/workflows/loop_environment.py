"""A world for a loop to live in: activities of the real names over a fabric that tests control.

Only time-skipping tests use it: they are about when a loop does what, over days, which no real NetBox
or Kubernetes can follow. Times are the Temporal server's, from the activity's schedule.
"""

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.errors import NoResponseError, to_application_error
from activities.observe import ObserveRequest
from activities.record import RecordSnapshot, RecordUpdate
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.installation import Installation
from fabrics.loop.loop import FabricLoop, workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.status import LastKnownState, Observation, SyncStatus, compute_sync_status
from fabrics.record.task_queues import inventory_queue, observe_queue, unresponsive_queue
from workflows.fabric_sync import FabricSync
from workflows.malformed_messages import MalformedMessageInterceptor


def config(**changes: object) -> FabricConfig:
    """An enabled fabric that syncs every minute."""
    known: dict[str, Any] = {
        "fabric_id": "oslo",  # its first slot is 16.6 s after the start of its loop
        "name": "Berlin DC1",
        "record_id": 1,
        "enabled": True,
        "interval": 60,
        "kubernetes": KubernetesTarget(
            server="https://k8s.example", namespace="default", credential="berlin"
        ),
        "git": GitSource(
            repository="https://git.example/x.git",
            branch="main",
            directory="/",
            credential="berlin",
        ),
    }
    return FabricConfig(**(known | changes))


@dataclass
class LoopEnvironment:
    """One fabric, its record, and what was asked of them."""

    record: FabricConfig | None
    facts: LastKnownState = field(default_factory=LastKnownState)
    observed: list[datetime] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    """Where it was looked at, time after time."""
    updates: list[RecordUpdate] = field(default_factory=list)
    statuses: list[SyncStatus] = field(default_factory=list)
    queue: str = field(default_factory=lambda: f"queue-{uuid4().hex[:8]}")
    """The loop's."""
    drift_count: int = 0
    live_digest: str = "live"
    takes: timedelta = timedelta(0)
    """How long a look at the fabric takes, on the server's clock."""
    netbox_error: str = ""
    requests: list[InventoryRequest] = field(default_factory=list)
    """How NetBox's inventory was to be brought up to date."""
    inventory: InventoryOutcome = field(default_factory=lambda: InventoryOutcome(live_digest=""))
    """What became of it."""
    inventory_takes: timedelta = timedelta(0)
    inventory_error: str = ""
    installation: Installation = field(default_factory=lambda: Installation(inventory_enabled=True))
    unseen: int = 0
    """How often NetBox will not show the record, although it is there."""
    silent: bool = False
    """Whether the fabric keeps silent."""
    slow: bool = False
    """Whether the fabric answers only to the patient."""
    site_has_worker: bool = False
    """What Temporal says of the fabric's site when it is asked."""
    questions: list[datetime] = field(default_factory=list)
    """When it was asked."""

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Look at the fabric: in sync, or with the drift that the test has set."""
        info = activity.info()
        self.queues.append(info.task_queue)
        if (self.silent or self.slow) and not info.task_queue.endswith(unresponsive_queue("")):
            raise to_application_error(NoResponseError("It keeps silent."))
        if info.attempt == 1:
            self.observed.append(info.scheduled_time)
            if self.takes:
                raise ApplicationError("still looking", next_retry_delay=self.takes)
        return Observation(
            started=info.scheduled_time,
            answered=not self.silent,
            kubernetes_error="It keeps silent." if self.silent else "",
            commit="c0ffee",
            desired_digest="desired",
            live_digest="" if self.silent else self.live_digest,
            counts={"Switch": 2},
            drift_count=self.drift_count,
        )

    @activity.defn
    def update_inventory(self, request: InventoryRequest) -> InventoryOutcome:
        """Bring the inventory up to date, as the test has set."""
        if activity.info().attempt == 1:
            self.requests.append(request)
            if self.inventory_takes:
                raise ApplicationError("still writing", next_retry_delay=self.inventory_takes)
        if self.inventory_error:
            raise ApplicationError(self.inventory_error, non_retryable=True)
        return self.inventory.model_copy(update={"live_digest": request.live_digest})

    @activity.defn
    async def has_worker(self, queue: str) -> bool:
        """What Temporal says of the site's queue."""
        assert self.record is not None
        assert queue in {self.record.task_queue, inventory_queue(self.record.task_queue)}
        self.questions.append(activity.info().scheduled_time)
        return self.site_has_worker

    @activity.defn
    def load_record(self, fabric_id: str) -> RecordSnapshot:
        """The record, or the failure that the test has set."""
        return self._read()

    @activity.defn
    def record_result(self, update: RecordUpdate) -> RecordSnapshot:
        """Take the update as NetBox does."""
        read = self._read()
        self.updates.append(update)
        if self.record is not None and read.config is not None:
            self.record = update.edits.apply_to(self.record)
            self.facts = update.last_known
            self.statuses.append(compute_sync_status(self.record, self.facts))
            read = self._read()
        return read

    def _read(self) -> RecordSnapshot:
        if self.netbox_error:
            raise RuntimeError(self.netbox_error)
        if self.unseen:
            self.unseen -= 1
            return RecordSnapshot(
                config=None, last_known=LastKnownState(), installation=self.installation
            )
        return RecordSnapshot(
            config=self.record, last_known=self.facts, installation=self.installation
        )


@dataclass
class Loop:
    """A loop under test."""

    env: WorkflowEnvironment
    world: LoopEnvironment
    handle: WorkflowHandle[FabricSync, str]

    async def status(self) -> FabricStatus:
        """Its status."""
        return await self.handle.query(FabricSync.status)

    async def history(self) -> list[SyncReport]:
        """Its last syncs."""
        return await self.handle.query(FabricSync.history)

    async def sleep(self, seconds: float) -> None:
        """Let time pass for the server, in steps that its calls survive."""
        left = seconds
        while left > 0:
            step = min(left, 1800)
            await self.env.sleep(step)
            left -= step


@asynccontextmanager
async def worker(client: Client, world: LoopEnvironment) -> AsyncIterator[None]:
    """A worker for the loop of `world`, with its fake activities on the real queues."""
    with ThreadPoolExecutor(4) as threads:
        main = Worker(
            client,
            task_queue=world.queue,
            workflows=[FabricSync],
            activities=[world.load_record, world.record_result, world.has_worker],
            activity_executor=threads,
            max_concurrent_activities=2,
            interceptors=[MalformedMessageInterceptor()],
        )
        async with main, observers(client, world, observe_queue(world.queue)):
            yield


@asynccontextmanager
async def observers(client: Client, world: LoopEnvironment, queue: str) -> AsyncIterator[None]:
    """Those that look at the fabric for which this queue is, and that write its inventory."""
    with ThreadPoolExecutor(3) as threads:
        quick, patient, inventory = (
            Worker(
                client,
                task_queue=each,
                activities=[work],
                activity_executor=threads,
                max_concurrent_activities=1,
            )
            for each, work in (
                (queue, world.observe),
                (unresponsive_queue(queue), world.observe),
                (inventory_queue(queue), world.update_inventory),
            )
        )
        async with quick, patient, inventory:
            yield


@asynccontextmanager
async def loop(
    env: WorkflowEnvironment, world: LoopEnvironment, state: FabricLoop | None = None
) -> AsyncIterator[Loop]:
    """A running loop with its worker, new or from an earlier `state`; it is terminated in the end."""
    assert world.record is not None
    async with worker(env.client, world):
        handle = await start(
            env.client, state or FabricLoop(fabric_id=world.record.fabric_id), world.queue
        )
        try:
            yield Loop(env, world, handle)
        finally:
            await terminate(handle)


async def start(client: Client, state: FabricLoop, queue: str) -> WorkflowHandle[FabricSync, str]:
    """Start the loop under its own id."""
    return await client.start_workflow(
        FabricSync.run, state, id=workflow_id(state.fabric_id), task_queue=queue
    )


async def terminate(handle: WorkflowHandle[FabricSync, str]) -> None:
    """End the loop if it still runs, so that its timers do not hold up the server's clock."""
    if (await handle.describe()).close_time is None:
        await handle.terminate()
