"""A whole installation to test: the real stack, set up, with workers that are real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from tenacity import (
    AsyncRetrying,
    RetryError,
    retry_if_exception,
    retry_if_result,
    stop_after_delay,
    wait_fixed,
)

from activities.netbox.client import NetBox, Row
from cli.temporal.loop_client import TIMEOUT_CODES
from fabrics.loop.loop import WORKFLOW_TASK_TIMEOUT, FabricLoop, workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from stack.kubernetes.base import KubernetesApi
from stack.services.git_server import GitRepository
from stack.stack import Stack
from tests.support.paths import PROJECT
from workflows.fabric_sync import FabricSync

PATIENCE = timedelta(seconds=3)
"""For an answer of a loop, which takes milliseconds, or a second after a worker's start."""

ENOUGH = 180
"""Seconds for what has no time limit of its own: first slots are spread over 30, the rest is the machine's."""


async def until[T](
    look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], seconds: float = ENOUGH
) -> T:
    """What `look` sees once `holds` is true of it; fails with what it saw last."""
    waiting = AsyncRetrying(
        wait=wait_fixed(0.1),
        stop=stop_after_delay(seconds),
        retry=retry_if_result(lambda seen: not holds(seen)),
    )
    try:
        return await waiting(look)
    except RetryError as error:
        last = error.last_attempt.result()
        raise AssertionError(f"not within {seconds} s; last seen: {last}") from None


def is_unanswered(error: BaseException) -> bool:
    """Whether a question was lost on its way."""
    return isinstance(error, RPCError) and error.status in TIMEOUT_CODES


@dataclass
class Fabric:
    """One fabric under test: its Git repository, its API, its record and its loop."""

    fabric_id: str
    record_id: int
    repository: GitRepository
    api: KubernetesApi
    credential: Path
    handle: WorkflowHandle[FabricSync, str]
    netbox: NetBox

    async def status(self) -> FabricStatus:
        """What its loop says; a question that went to a worker just killed is asked again."""
        asking = AsyncRetrying(
            wait=wait_fixed(0.1),
            stop=stop_after_delay(60),
            retry=retry_if_exception(is_unanswered),
            reraise=True,
        )
        return await asking(self.handle.query, FabricSync.status, rpc_timeout=PATIENCE)

    async def history(self) -> list[SyncReport]:
        """Its last syncs."""
        return await self.handle.query(FabricSync.history)

    async def record(self) -> Row:
        """The custom fields of its record, under their names without `hh_`."""
        row, _ = await asyncio.to_thread(self.netbox.get_record, self.record_id)
        return {name.removeprefix("hh_"): value for name, value in row["custom_fields"].items()}

    async def recorded(self, status: str, seconds: float = ENOUGH) -> Row:
        """Its record once it says `status`."""
        return await until(self.record, lambda record: shown(record) == status, seconds)

    async def synced(self, times: int, seconds: float = ENOUGH) -> FabricStatus:
        """Its status once it has synced that often."""
        return await until(self.status, lambda status: status.syncs >= times, seconds)


def shown(record: Row) -> str | None:
    """The status in a record; NetBox gives choices with their labels."""
    status: dict[str, str] | None = record["sync_status"]
    return status["value"] if status else None


@dataclass
class Installation:
    """NetBox, Temporal and Git are shared by all tests; `queue` and the workers are this one's."""

    stack: Stack
    client: Client
    admin: NetBox
    token: str
    folder: Path
    apis: Callable[[], KubernetesApi]
    queue: str = field(default_factory=lambda: f"queue-{uuid4().hex[:8]}")
    changes: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The settings of a worker or of the command line, as environment variables."""
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
        } | self.changes

    @asynccontextmanager
    async def worker(
        self, *arguments: str, **changes: str
    ) -> AsyncIterator[subprocess.Popen[bytes]]:
        """A worker process; it is asked to stop in the end, if it still runs."""
        log = (self.folder / f"worker-{uuid4().hex[:8]}.log").open("wb")
        process = subprocess.Popen(  # noqa: ASYNC220
            [sys.executable, "worker.py", *arguments],
            cwd=PROJECT,
            env=self.variables | changes,
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
                log.close()

    async def fabric(
        self,
        desired: Mapping[str, str],
        live: Iterable[Mapping[str, Any]],
        **fields: object,
    ) -> Fabric:
        """A new fabric with these files in Git and these objects in its API, enabled, and its record."""
        return await self.named_fabric(f"fabric-{uuid4().hex[:8]}", desired, live, **fields)

    async def named_fabric(
        self,
        fabric_id: str,
        desired: Mapping[str, str],
        live: Iterable[Mapping[str, Any]],
        /,
        **fields: object,
    ) -> Fabric:
        """The same with a fabric id that people can read; a run of tests has one Git for all."""
        repository = self.stack.git.create_repository(fabric_id)
        repository.commit(desired)
        api = self.apis()
        api.apply_all(live)
        credential = self.folder / "credentials" / fabric_id
        api.write_credential(credential)
        known: dict[str, object] = {
            "hh_fabric_id": fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": 10,
            "hh_kubernetes_server": api.server,
            "hh_git_repository": repository.url,
        }
        record = await asyncio.to_thread(self.admin.create_record, fabric_id, known | fields)
        handle = self.client.get_workflow_handle_for(FabricSync.run, workflow_id(fabric_id))
        return Fabric(fabric_id, record["id"], repository, api, credential, handle, self.admin)

    async def start(self, fabric: Fabric, *, sync: bool = True) -> None:
        """Start its loop as `enable` does: with the first message, and a sync at once."""
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
    """A custom resource as people write it."""
    return {
        "apiVersion": f"{group}.githedgehog.com/v1beta1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": dict(spec),
    }


def in_yaml(manifests: Iterable[Mapping[str, Any]]) -> str:
    """Manifests as one file."""
    return yaml.safe_dump_all(manifests)


SERVERS = [
    manifest("Server", f"server-{number}", {"description": f"number {number}"})
    for number in (1, 2, 3)
]
"""The smallest fabric: three servers that say the same in Git and live."""
