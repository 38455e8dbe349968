"""The product as a measured scheduler, with Temporal on a database file."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, override

import psutil
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from bench.fleet.records import create_records, read_last_write
from bench.fleet.scheduler import PROJECT, FleetSize, Role, Scheduler, kill
from fabrics.loop.loop import workflow_id
from fabrics.loop.report import FabricStatus, SyncReport
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from temporal import connect
from workflows.fabric_sync import FabricSync

WORKER_SCRIPT: Final = PROJECT / "bench/fleet/instant_worker.py"
DATABASE: Final = "temporal.db"
CONCURRENT_CALLS: Final = 10
ANSWER_TIMEOUT_SECONDS: Final = 300.0


class FabricSyncFleet(Scheduler):
    """The loops of all fabrics, which the product's own fleet workflow starts."""

    name = "fabric-sync"
    polls = "durable timers"

    def __init__(self, size: FleetSize, workers: int = 1, settings: Sequence[str] = ()) -> None:
        """Prepare a fleet with this number of worker processes.

        `settings` of the worker differ from their defaults, such as `cached_workflows=100`.
        """
        super().__init__(size)
        self._worker_count = workers
        pairs = (setting.partition("=") for setting in settings)
        self._settings = {f"FABRIC_SYNC_{name.upper()}": value for name, _, value in pairs}
        self._port = 7233
        self._temporal = Supervisor(self.folder)

    @override
    def _start(self) -> None:
        create_records(self.folder, self.size.fabric_ids, self.size.interval)
        self.start_temporal()
        self.start_workers()

    @override
    def _stop(self) -> None:
        super()._stop()
        self._temporal.close()

    def start_temporal(self) -> None:
        """Start the server, also after it was killed: with its database, at its address."""
        server = start_temporal(self._temporal, self.folder / DATABASE, self._port)
        self._port = int(server.address.rpartition(":")[2])

    def kill_temporal(self) -> None:
        """End the server with SIGKILL."""
        kill(self.list_processes("server"))
        self._temporal.close()  # frees the port for the next server
        self._temporal = Supervisor(self.folder)

    @override
    def start_workers(self) -> None:
        for _ in range(self._worker_count):
            self._supervisor.start(
                "Worker", [sys.executable, WORKER_SCRIPT], env=self._worker_environment
            )

    @override
    def list_processes(self, role: Role) -> list[psutil.Process]:
        if role == "server":
            return self._temporal.list_processes("Temporal")
        return self._supervisor.list_processes("Worker")

    @override
    def read_last_write(self) -> float:
        return read_last_write(self.folder)

    @override
    def read_lateness(self, since: float, until: float) -> list[float]:
        reports = self.read_reports(since, until)
        return [report.lateness for report in reports if report.lateness is not None]

    @override
    def list_planned(self) -> set[str]:
        statuses = asyncio.run(self._query_statuses())
        return {status.fabric_id for status in statuses if status.next_sync}

    def read_reports(self, since: float, until: float) -> list[SyncReport]:
        """Return the loops' reports of syncs whose slots are in this period."""
        first, end = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
        histories = asyncio.run(self._query_histories())
        reports = (report for history in histories for report in history)
        return [report for report in reports if report.slot and first <= report.slot < end]

    def measure_database(self) -> int:
        """Return the size of the database with its write-ahead log, in bytes."""
        return sum(path.stat().st_size for path in self.folder.glob(f"{DATABASE}*"))

    def measure_longest_history(self) -> int:
        """Return the largest number of events in the current run of any loop."""
        return max(asyncio.run(self._list_history_lengths()))

    @property
    def _address(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def _worker_environment(self) -> dict[str, str]:
        return self._settings | {
            "TEMPORAL_ADDRESS": self._address,
            "FABRIC_SYNC_INVENTORY": "false",
            "FABRIC_SYNC_NETBOX_TOKEN": "unused",
            "FABRIC_SYNC_CACHE_DIR": str(self.folder / "cache"),
            "BENCH_FOLDER": str(self.folder),
            "BENCH_LOOK_SECONDS": str(self.size.look_seconds),
        }

    async def _query_histories(self) -> list[list[SyncReport]]:
        return await self._ask_each(lambda loop: loop.query(FabricSync.history))

    async def _query_statuses(self) -> list[FabricStatus]:
        return await self._ask_each(lambda loop: loop.query(FabricSync.status))

    async def _list_history_lengths(self) -> list[int]:
        return [loop.history_length for loop in await self._ask_each(WorkflowHandle.describe)]

    async def _ask_each[T](
        self, ask: Callable[[WorkflowHandle[FabricSync, str]], Awaitable[T]]
    ) -> list[T]:
        """Return each loop's answer; ask again while a busy worker has none."""
        client = await connect({"TEMPORAL_ADDRESS": self._address})
        limit = asyncio.Semaphore(CONCURRENT_CALLS)

        @retry(
            retry=retry_if_exception_type(RPCError),
            wait=wait_fixed(1),
            stop=stop_after_delay(ANSWER_TIMEOUT_SECONDS),
            reraise=True,
        )
        async def ask_one(fabric_id: str) -> T:
            loop: WorkflowHandle[FabricSync, str] = client.get_workflow_handle_for(
                FabricSync.run, workflow_id(fabric_id)
            )
            async with limit:
                return await ask(loop)

        return await asyncio.gather(*map(ask_one, self.size.fabric_ids))
