"""An environment for a loop: fake activities over a fabric that tests control.

Only time-skipping tests use it, to test when a loop does what over days, which no real NetBox or
Kubernetes can follow. Times are the Temporal server's, from the activity's schedule.
"""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any, Final
from uuid import uuid4

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.errors import NoResponseError, to_application_error
from activities.executions import ExecutionActivities
from activities.health import HealthReadingRequest
from activities.heartbeat import HeartbeatInterceptor
from activities.observe import ObserveRequest
from activities.record import RecordSnapshot, RecordUpdate
from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health, HealthReport
from fabrics.agents.state import AgentsState
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import FabricLoop, workflow_id
from fabrics.loop.loop_settings import LoopSettings
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.loop.schedule import Schedule
from fabrics.record.config import FabricConfig, GitSource, KubernetesTarget
from fabrics.record.sync_status import LastKnownState, Observation, SyncStatus, compute_sync_status
from fabrics.record.task_queues import (
    catch_up_queue,
    inventory_queue,
    observe_queue,
    temporal_queue,
    unresponsive_queue,
)
from settings import Settings
from workers.activity_workers import HEARTBEAT_INTERVAL
from workflows.fabric_inventory import FabricInventory
from workflows.fabric_sync import FabricSync
from workflows.malformed_messages import MalformedMessageInterceptor

GATE_POLL_SECONDS: Final = 0.05

type Activities = list[Callable[..., Any]]


def config(**changes: object) -> FabricConfig:
    """Return an enabled fabric that syncs every minute, with these changes."""
    defaults: dict[str, Any] = {
        "fabric_id": "oslo",  # its first sync is 16.6 s after the start of its loop
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
    return FabricConfig(**(defaults | changes))


def _open_gate() -> Event:
    gate = Event()
    gate.set()
    return gate


def _build_default_settings() -> LoopSettings:
    """Return a worker's settings that nobody has changed."""
    settings = Settings()
    return LoopSettings(
        netbox_heartbeat=settings.netbox_heartbeat,
        inventory_enabled=settings.inventory,
        full_sync_interval=settings.full_sync_interval,
        inventory_retry_interval=settings.inventory_retry_interval,
        health_interval=settings.health_interval,
        first_sync_spread=settings.first_sync_spread,
    )


@dataclass
class LoopEnvironment:
    """One fabric, its record, and the requests for them."""

    record: FabricConfig | None
    last_known: LastKnownState = field(default_factory=LastKnownState)
    observed: list[datetime] = field(default_factory=list)
    queues: list[str] = field(default_factory=list)
    """The task queue of each observation."""
    updates: list[RecordUpdate] = field(default_factory=list)
    statuses: list[SyncStatus] = field(default_factory=list)
    queue: str = field(default_factory=lambda: f"queue-{uuid4().hex[:8]}")
    """The loop's task queue."""
    drift_count: int = 0
    live_digest: str = "live"
    observe_duration: timedelta = timedelta(0)
    """How long an observation takes, on the server's clock."""
    observe_gate: Event = field(default_factory=_open_gate)
    """Observations wait until it is set."""
    observed_configs: list[FabricConfig] = field(default_factory=list)
    """The configuration of each observation."""
    netbox_error: str = ""
    journal_error: str = ""
    """Why the record's journal takes no entries."""
    journal: list[str] = field(default_factory=list)
    """The entries in the record's journal."""
    inventory_requests: list[InventoryRequest] = field(default_factory=list)
    inventory_outcome: InventoryOutcome = field(
        default_factory=lambda: InventoryOutcome(live_digest="")
    )
    """What an inventory update returns, but for the live digest."""
    inventory_duration: timedelta = timedelta(0)
    inventory_error: str = ""
    inventory_gate: Event = field(default_factory=_open_gate)
    """Updates of the inventory wait until it is set."""
    installation: LoopSettings = field(default_factory=_build_default_settings)
    missed_reads: int = 0
    """How many more reads miss the record, although it exists."""
    silent: bool = False
    """True if the fabric does not answer at all."""
    slow: bool = False
    """True if the fabric answers only on the queue for unresponsive fabrics."""
    site_has_worker: bool = False
    """True if Temporal reports a worker on the site's queue."""
    worker_checks: list[datetime] = field(default_factory=list)
    """When the loop asked for that."""
    health: Health = Health.HEALTHY
    health_error: str = ""
    """Why the agents cannot be read."""
    health_readings: list[datetime] = field(default_factory=list)
    """When agents were read without a sync."""
    health_timeouts: list[timedelta | None] = field(default_factory=list)
    health_gate: Event = field(default_factory=_open_gate)
    """Readings of agents wait until it is set."""

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Return an observation with the drift that the test has set."""
        info = activity.info()
        self.queues.append(info.task_queue)
        while not self.observe_gate.wait(GATE_POLL_SECONDS):
            pass  # a cancellation is raised here
        if (self.silent or self.slow) and not info.task_queue.endswith(unresponsive_queue("")):
            raise to_application_error(NoResponseError("It does not answer."))
        if info.attempt == 1:
            self.observed.append(info.scheduled_time)
            self.observed_configs.append(request.config)
            if self.observe_duration:
                raise ApplicationError("still reading", next_retry_delay=self.observe_duration)
        return Observation(
            started=info.scheduled_time,
            answered=not self.silent,
            kubernetes_error="It does not answer." if self.silent else "",
            commit="c0ffee",
            desired_digest="desired",
            live_digest="" if self.silent else self.live_digest,
            counts={"Switch": 2},
            drift_count=self.drift_count,
            health=self._assess_health() if request.health and request.health.is_due else None,
        )

    @activity.defn
    def read_health(self, request: HealthReadingRequest) -> HealthAssessment | None:
        """Return the health that the test has set, or raise its error."""
        assert request.config == self.record
        self.health_readings.append(activity.info().scheduled_time)
        self.health_timeouts.append(activity.info().schedule_to_close_timeout)
        while not self.health_gate.wait(GATE_POLL_SECONDS):
            pass  # a cancellation is raised here
        if self.health_error:
            raise ApplicationError(self.health_error, non_retryable=True)
        return self._assess_health()

    @activity.defn
    def update_inventory(self, request: InventoryRequest) -> InventoryOutcome:
        """Return the outcome, or raise the error, that the test has set."""
        if activity.info().attempt == 1:
            self.inventory_requests.append(request)
            if self.inventory_duration:
                raise ApplicationError("still writing", next_retry_delay=self.inventory_duration)
        while not self.inventory_gate.wait(GATE_POLL_SECONDS):
            pass  # a cancellation is raised here
        if self.inventory_error:
            raise ApplicationError(self.inventory_error, non_retryable=True)
        return self.inventory_outcome.model_copy(update={"live_digest": request.live_digest})

    @activity.defn
    async def has_worker(self, queue: str) -> bool:
        """Answer as the test has set, for a queue from which the loop awaits something."""
        assert self.record is not None
        assert queue in {self.queues[-1], inventory_queue(self.record.task_queue)}
        self.worker_checks.append(activity.info().scheduled_time)
        return self.site_has_worker

    @activity.defn
    def load_record(self, fabric_id: str) -> RecordSnapshot:
        """Return the record, or raise the error that the test has set."""
        return self._read()

    @activity.defn
    def record_result(self, update: RecordUpdate) -> RecordSnapshot:
        """Apply the update as NetBox does."""
        snapshot = self._read()
        self.updates.append(update)
        if self.record is not None and snapshot.config is not None:
            self.record = update.edits.apply_to(self.record)
            self.last_known = update.last_known
            self.statuses.append(compute_sync_status(self.record, self.last_known))
            snapshot = self._read()
        if update.journal_entry and self.journal_error:
            return snapshot.model_copy(update={"journal_error": self.journal_error})
        self.journal += filter(None, [update.journal_entry])
        return snapshot

    def _assess_health(self) -> HealthAssessment:
        report = HealthReport(health=self.health, message=f"The agents are {self.health}.")
        return HealthAssessment(report=report, agents=AgentsState())

    def _read(self) -> RecordSnapshot:
        if self.netbox_error:
            raise RuntimeError(self.netbox_error)
        if self.missed_reads:
            self.missed_reads -= 1
            return RecordSnapshot(
                config=None, last_known=LastKnownState(), settings=self.installation
            )
        return RecordSnapshot(
            config=self.record,
            last_known=self.last_known,
            settings=self.installation,
            is_consistent=self._is_consistent(),
        )

    def _is_consistent(self) -> bool:
        """True if the status that was written last still follows from the record."""
        if self.record is None or not self.statuses:
            return True
        return self.statuses[-1] is compute_sync_status(self.record, self.last_known)


@workflow.defn(sandboxed=False)
class Idle:
    """A workflow that does nothing, in the place of one that a test must control."""

    @workflow.run
    async def run(self) -> None:
        """Wait forever."""
        await workflow.wait_condition(lambda: False)


@asynccontextmanager
async def idle(client: Client, id_: str) -> AsyncIterator[WorkflowHandle[Idle, None]]:
    """Run an idle workflow with this id."""
    queue = f"idle-{uuid4().hex[:8]}"
    async with Worker(client, task_queue=queue, workflows=[Idle]):
        handle = await client.start_workflow(Idle.run, id=id_, task_queue=queue)
        try:
            yield handle
        finally:
            await terminate(handle)


@dataclass
class RunningLoop:
    """A loop under test."""

    env: WorkflowEnvironment
    environment: LoopEnvironment
    handle: WorkflowHandle[FabricSync, str]

    async def status(self) -> FabricStatus:
        """Query its status."""
        return await self.handle.query(FabricSync.status)

    async def history(self) -> list[SyncReport]:
        """Query its last reports."""
        return await self.handle.query(FabricSync.history)

    async def sleep(self, seconds: float) -> None:
        """Skip time on the server, in steps shorter than its call timeouts."""
        remaining = seconds
        while remaining > 0:
            step = min(remaining, 300)
            await self.env.sleep(step)
            remaining -= step


@asynccontextmanager
async def worker(client: Client, environment: LoopEnvironment) -> AsyncIterator[None]:
    """Run a worker for the loop, with the fake activities on the real queues."""
    with ThreadPoolExecutor(4) as threads:
        main = Worker(
            client,
            task_queue=environment.queue,
            workflows=[FabricSync, FabricInventory],
            activities=[
                environment.load_record,
                environment.record_result,
            ],
            activity_executor=threads,
            max_concurrent_activities=2,
            interceptors=[MalformedMessageInterceptor()],
        )
        questions = Worker(
            client,
            task_queue=temporal_queue(environment.queue),
            activities=[environment.has_worker, ExecutionActivities(client).is_running],
        )
        async with (
            main,
            questions,
            observers(client, environment, observe_queue(environment.queue)),
        ):
            yield


@asynccontextmanager
async def observers(
    client: Client, environment: LoopEnvironment, queue: str
) -> AsyncIterator[None]:
    """Run the workers that read the fabric on this queue and write its inventory."""
    read_fabric: Activities = [environment.observe, environment.read_health]
    update_inventory: Activities = [environment.update_inventory]
    with ThreadPoolExecutor(4) as threads:
        responsive, catch_up, unresponsive, inventory = (
            Worker(
                client,
                task_queue=task_queue,
                activities=activities,
                activity_executor=threads,
                max_concurrent_activities=1,
                max_heartbeat_throttle_interval=HEARTBEAT_INTERVAL,
                interceptors=[HeartbeatInterceptor()],
            )
            for task_queue, activities in (
                (queue, read_fabric),
                (catch_up_queue(queue), read_fabric),
                (unresponsive_queue(queue), read_fabric),
                (inventory_queue(queue), update_inventory),
            )
        )
        async with responsive, catch_up, unresponsive, inventory:
            yield


@asynccontextmanager
async def loop(
    env: WorkflowEnvironment, environment: LoopEnvironment, state: FabricLoop | None = None
) -> AsyncIterator[RunningLoop]:
    """Run a loop with its worker, new or from `state`, and terminate it at the end.

    A new loop starts just after one of its slots, so that its first syncs come at known times.
    """
    assert environment.record is not None
    inventory_id = inventory_workflow_id(environment.record.fabric_id)
    if state is None:
        await sleep_until_after_slot(env, environment.record)
    async with worker(env.client, environment):
        handle = await start(
            env.client,
            state or FabricLoop(fabric_id=environment.record.fabric_id),
            environment.queue,
        )
        try:
            yield RunningLoop(env, environment, handle)
        finally:
            await terminate(handle)
            await terminate(env.client.get_workflow_handle(inventory_id))


async def sleep_until_after_slot(env: WorkflowEnvironment, fabric: FabricConfig) -> None:
    """Skip time until a second after the fabric's next slot."""
    if fabric.interval:
        now = await env.get_current_time()
        schedule = Schedule.initial(fabric.fabric_id, fabric.interval, 0, None, now)
        await env.sleep(schedule.next_slot - now + timedelta(seconds=1))


async def start(client: Client, state: FabricLoop, queue: str) -> WorkflowHandle[FabricSync, str]:
    """Start the loop under its workflow id."""
    return await client.start_workflow(
        FabricSync.run, state, id=workflow_id(state.fabric_id), task_queue=queue
    )


async def terminate(handle: WorkflowHandle[Any, Any]) -> None:
    """Terminate the workflow if it runs: its timers would delay the server's clock."""
    with suppress(RPCError):  # it has ended, or was never started
        await handle.terminate()
