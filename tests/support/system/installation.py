"""A whole installation: the real stack and its workers."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import yaml
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import TemporalError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.types import MethodSyncNoParam
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_exponential,
    wait_fixed,
)

import temporal
from activities.netbox.client import NetBox, Row
from activities.queues import queue_has_worker
from cli.temporal.loop_client import TIMEOUT_CODES
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.inventory_state import InventoryStatus
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.sync_status import InventoryState
from fabrics.record.task_queues import notification_queue
from settings import Settings
from stack.kubernetes.base import KubernetesApi
from stack.services.git_server import GitRepository
from stack.stack import Stack
from tests.support.paths import PROJECT
from tests.support.system.worker_command import WORKER_COMMAND
from worker import running_worker
from workers.activity_workers import running_site_worker
from workflows.fabric_sync import FabricSync
from workflows.fleet import Fleet

QUERY_TIMEOUT = timedelta(seconds=3)
"""The timeout of a query, which takes milliseconds, or a second after a worker's start."""

DEFAULT_TIMEOUT_SECONDS = 180
"""Covers a few intervals, and a slow machine."""

INVENTORY = {"FABRIC_SYNC_INVENTORY": "true"}
"""Overrides with the product's default."""

MAX_PAUSE_SECONDS = 0.5
"""The longest pause between two readings while waiting."""

LOOP_PATIENCE_SECONDS = 2
"""How long to wait for a loop, which may be missing, before its record is read anyway."""


async def wait_until[T](
    read: Callable[[], Awaitable[T]],
    condition: Callable[[T], bool],
    seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> T:
    """Call `read` until `condition` is true of its result, and return that result.

    The pauses grow, since what takes longer may be noticed later, and each reading takes CPU from what the test
    waits for.
    """
    waiting = AsyncRetrying(
        wait=wait_exponential(multiplier=0.05, exp_base=1.5, max=MAX_PAUSE_SECONDS),
        stop=stop_after_delay(seconds),
        retry=retry_if_result(lambda value: not condition(value)),
    )
    try:
        return await waiting(read)
    except RetryError as error:
        last_value = error.last_attempt.result()
        raise AssertionError(f"not within {seconds} s; last value: {last_value}") from None


async def query_until_answered[W, T](
    workflow: WorkflowHandle[W, Any], query: MethodSyncNoParam[W, T]
) -> T:
    """Query a workflow; repeat queries that time out, as when a worker is killed."""
    retrying = AsyncRetrying(
        wait=wait_fixed(0.1),
        stop=stop_after_delay(60),
        retry=retry_if_exception(is_unanswered),
        reraise=True,
    )
    return await retrying(workflow.query, query, rpc_timeout=QUERY_TIMEOUT)


async def wait_for_worker(client: Client, queue: str) -> None:
    """Wait until Temporal knows a worker of this queue, which commands look for."""
    await wait_until(partial(queue_has_worker, client, queue), bool)


def is_unanswered(error: BaseException) -> bool:
    """True if a query timed out, or Temporal has not seen a worker yet."""
    codes = (*TIMEOUT_CODES, RPCStatusCode.FAILED_PRECONDITION)
    return isinstance(error, RPCError) and error.status in codes


@dataclass
class Fabric:
    """A fabric under test: its Git repository, its API, its record and its loop."""

    fabric_id: str
    record_id: int
    repository: GitRepository
    api: KubernetesApi
    credential: Path
    handle: WorkflowHandle[FabricSync, str]
    fleet: WorkflowHandle[Fleet, None]
    netbox: NetBox

    async def status(self) -> FabricStatus:
        """Query the loop's status."""
        return await query_until_answered(self.handle, FabricSync.status)

    async def history(self) -> list[SyncReport]:
        """Query the reports of the last syncs."""
        return await query_until_answered(self.handle, FabricSync.history)

    async def record(self) -> Row:
        """Read the custom fields of the record; their names are without `hh_`."""
        row, _ = await asyncio.to_thread(self.netbox.get_record, self.record_id)
        return {name.removeprefix("hh_"): value for name, value in row["custom_fields"].items()}

    async def wait_for_status(self, status: str, seconds: float = DEFAULT_TIMEOUT_SECONDS) -> Row:
        """Wait until the record shows `status`, and return the record.

        If it never does, the failure has the fleet's summary, which says why there is no loop.
        """

        async def read() -> Row:
            await self._wait_for_loop(status)
            return await self.record()

        try:
            return await wait_until(read, lambda record: shown_status(record) == status, seconds)
        except AssertionError as error:
            with suppress(TemporalError):
                error.add_note(
                    str(await self.fleet.query(Fleet.summary, rpc_timeout=QUERY_TIMEOUT))
                )
            raise

    async def _wait_for_loop(self, status: str) -> None:
        """Wait a moment for the loop's status.

        NetBox takes ten times as much CPU to answer.
        """

        async def read() -> str | None:
            with suppress(TemporalError):  # it does not run or is stuck, or no worker answers
                loop = await self.handle.query(FabricSync.status, rpc_timeout=QUERY_TIMEOUT)
                return loop.sync_status
            return None

        with suppress(AssertionError):
            await wait_until(read, lambda shown: shown == status, LOOP_PATIENCE_SECONDS)

    async def wait_for_inventory(self, sync: int = 1) -> InventoryStatus:
        """Wait until the pass after this sync, or after a later one, has ended."""
        status = await wait_until(
            self.status,
            lambda status: (
                status.inventory.last_sync >= sync
                and status.inventory_state is not InventoryState.RUNNING
            ),
        )
        return status.inventory

    async def wait_for_inventory_in_record(self) -> None:
        """Wait until the inventory is up to date, and the record says so.

        The loop writes the record once more after a pass, and any write makes open forms stale.
        """
        await self.wait_for_inventory()
        await wait_until(self.record, lambda record: record["inventory"] is None)

    async def sync_fully(self) -> InventoryReport | None:
        """Sync now with a full comparison; return what was written, None if it failed."""
        report = await self.handle.execute_update(FabricSync.sync_now, True)
        last = (await self.wait_for_inventory(report.number)).last_sync
        return next(known.inventory for known in await self.history() if known.number == last)

    async def wait_for_syncs(
        self, times: int, seconds: float = DEFAULT_TIMEOUT_SECONDS
    ) -> FabricStatus:
        """Wait until the loop has done `times` syncs, and return its status."""
        return await wait_until(self.status, lambda status: status.syncs >= times, seconds)


def shown_status(record: Row) -> str | None:
    """Return the sync status in a record. NetBox returns choices with their labels."""
    status: dict[str, str] | None = record["sync_status"]
    return status["value"] if status else None


class WorkerSettings(Settings):
    """The settings of a worker, without those of the test run's own environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)

    @classmethod
    def from_variables(cls, variables: Mapping[str, str]) -> Self:
        """Return the settings that a worker process reads from these variables."""
        prefix = "FABRIC_SYNC_"
        return cls.model_validate(
            {
                name.removeprefix(prefix).lower(): value
                for name, value in variables.items()
                if name.startswith(prefix)
            }
        )


@dataclass
class Installation:
    """The shared NetBox, Temporal and Git, with this test's task queue and workers.

    `overrides` are environment variables that replace or extend the default settings. Tests of inventories and
    of whole lives of fabrics switch the inventory on with `INVENTORY`.
    """

    stack: Stack
    client: Client
    admin: NetBox
    token: str
    folder: Path
    start_api: Callable[[], KubernetesApi]
    queue: str = field(default_factory=lambda: f"queue-{uuid4().hex[:8]}")
    overrides: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of a worker or of the command line."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONUNBUFFERED": "1",
            "TEMPORAL_ADDRESS": self.stack.temporal.address,
            "FABRIC_SYNC_NETBOX_URL": self.stack.netbox.url,
            "FABRIC_SYNC_NETBOX_TOKEN": self.token,
            "FABRIC_SYNC_CREDENTIALS_DIR": str(self.folder / "credentials"),
            "FABRIC_SYNC_CACHE_DIR": str(self.folder / "cache"),
            "FABRIC_SYNC_GIT_ALLOW_LOCAL": "true",
            "FABRIC_SYNC_TASK_QUEUE": self.queue,
            "FABRIC_SYNC_INVENTORY": "false",  # costs NetBox more than all the rest of a sync
            "FABRIC_SYNC_FLEET_INTERVAL": "2",  # each round costs NetBox's CPU a request
            "FABRIC_SYNC_FIRST_SYNC_SPREAD": "1",
            "FABRIC_SYNC_INVENTORY_RETRY_INTERVAL": "1",
        } | self.overrides

    @asynccontextmanager
    async def worker(self, **overrides: str) -> AsyncIterator[None]:
        """Run a worker in this event loop; the test must not block that for long."""
        client, settings = await self._prepare_worker(overrides)
        async with running_worker(client, settings):
            await wait_for_worker(client, settings.task_queue)
            if settings.notifications_file:
                await wait_for_worker(client, notification_queue(settings.task_queue))
            yield

    @asynccontextmanager
    async def site_worker(self, task_queue: str, **overrides: str) -> AsyncIterator[None]:
        """Run a remote worker for `task_queue` in this event loop."""
        client, settings = await self._prepare_worker(overrides)
        async with running_site_worker(client, settings, task_queue):
            await wait_for_worker(client, task_queue)
            yield

    async def _prepare_worker(self, overrides: dict[str, str]) -> tuple[Client, Settings]:
        variables = self.variables | overrides
        settings = WorkerSettings.from_variables(variables)
        return await temporal.connect(variables, settings.encryption_keys_file), settings

    @asynccontextmanager
    async def worker_process(
        self, *arguments: str, **overrides: str
    ) -> AsyncIterator[subprocess.Popen[bytes]]:
        """Run `worker.py`; at the end it gets SIGTERM if it still runs.

        It takes seconds of CPU to start, so this is for tests of signals, kills, exit codes and the process's
        environment.
        """
        log = (self.folder / f"worker-{uuid4().hex[:8]}.log").open("wb")
        process = subprocess.Popen(  # noqa: ASYNC220
            [*WORKER_COMMAND, *arguments],
            cwd=PROJECT,
            env=self.variables | overrides,
            stdout=log,
            stderr=log,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(process.wait, 40)
            finally:
                process.kill()
                process.wait()
                log.close()

    async def fabric(
        self,
        desired: Mapping[str, str],
        live: Iterable[Mapping[str, Any]],
        **fields: object,
    ) -> Fabric:
        """Create a fabric with an enabled record, these files and these live objects."""
        return await self.named_fabric(f"fabric-{uuid4().hex[:8]}", desired, live, **fields)

    async def named_fabric(
        self,
        fabric_id: str,
        desired: Mapping[str, str],
        live: Iterable[Mapping[str, Any]],
        /,
        **fields: object,
    ) -> Fabric:
        """Create a fabric with this id.

        The id must be new to the Git server of the test run.
        """
        repository = await asyncio.to_thread(self.stack.git.create_repository, fabric_id)
        await asyncio.to_thread(repository.commit, desired)
        api = self.start_api()
        api.apply_all(live)
        credential = self.folder / "credentials" / fabric_id
        api.write_credential(credential)
        defaults: dict[str, object] = {
            "hh_fabric_id": fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": 10,
            "hh_kubernetes_server": api.server,
            "hh_git_repository": repository.url,
        }
        record = await asyncio.to_thread(self.admin.create_record, fabric_id, defaults | fields)
        handle: WorkflowHandle[FabricSync, str] = self.client.get_workflow_handle_for(
            FabricSync.run, workflow_id(fabric_id)
        )
        fleet: WorkflowHandle[Fleet, None] = self.client.get_workflow_handle_for(
            Fleet.run, FLEET_WORKFLOW_ID
        )
        return Fabric(
            fabric_id, record["id"], repository, api, credential, handle, fleet, self.admin
        )

    async def start(self, fabric: Fabric, *, sync: bool = True) -> None:
        """Start the loop like `enable`: with its first signal, and a sync at once."""
        await self.client.start_workflow(
            FabricSync.run,
            FabricLoop(fabric_id=fabric.fabric_id),
            id=workflow_id(fabric.fabric_id),
            task_queue=self.queue,
            task_timeout=WORKFLOW_TASK_TIMEOUT,
            start_signal="record_changed",
        )
        if sync:
            await fabric.handle.signal(FabricSync.sync_now_by_signal)


def manifest(
    kind: str, name: str, spec: Mapping[str, object], group: str = "wiring"
) -> dict[str, Any]:
    """Return a custom resource as people write it."""
    return {
        "apiVersion": f"{group}.githedgehog.com/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def in_yaml(manifests: Iterable[Mapping[str, Any]]) -> str:
    """Return manifests as the text of one YAML file."""
    return yaml.safe_dump_all(manifests)


SERVERS = [
    manifest("Server", f"server-{number}", {"description": f"number {number}"})
    for number in (1, 2, 3)
]
"""The smallest fabric: three servers, for both Git and the API."""
