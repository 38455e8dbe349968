"""Two fabrics with NetBox, Temporal and a worker, and events that affect them.

After other event, NetBox, the loops and the command line must agree (see `oracle`).
"""

import asyncio
import subprocess
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from activities.fleet.installation import get_instance
from activities.netbox.client import CLUSTERS_PATH, Row
from cli.fabrics.fleet_view import get_fleet_view
from cli.session import Session
from cli.temporal.loop_client import LoopClient
from fabrics.resources.kinds import get_kind
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from temporal import connect
from tests.support.consistency.oracle import (
    custom_fields,
    expected_status,
    find_contradictions,
    netbox_view,
    should_run,
    status_view,
)
from tests.support.system.fleet import fleet_handle, running_loops
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    wait_until,
)
from tests.support.system.tcp_proxy import CuttableProxy, proxy_to

IN_GIT: Final = {"fabric.yaml": in_yaml(SERVERS)}


@dataclass
class ConsistencyEnvironment:
    """Everything under test. Its methods run on the event loop that created it."""

    installation: Installation
    proxy: CuttableProxy
    session: Session
    fabrics: list[Fabric]
    process: subprocess.Popen[bytes] | None = None
    workers: AsyncExitStack = field(default_factory=AsyncExitStack)
    last_sync: dict[int, str] = field(default_factory=dict)

    # -- events -----------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Make sure that a worker runs, and set up both fabrics new, healthy and in sync."""
        if self.process is None:
            await self.start_worker()
        for fabric in self.fabrics:
            emulated(fabric).clear_faults()
            fabric.api.apply_all(SERVERS)
            await self.recreate_record(fabric, at_once=True)
        await self.wait_until_consistent()

    async def end(self) -> None:
        """Restore everything that could affect the next sequence."""
        await self.proxy.cut()
        await self.proxy.connect()
        for fabric in self.fabrics:
            await self.restore_repository(fabric)

    async def start_worker(self) -> None:
        """Start a worker as a process, which can be killed."""
        self.process = await self.workers.enter_async_context(self.installation.worker_process())

    async def kill_worker(self) -> None:
        """Kill the worker and start another one."""
        assert self.process
        self.process.kill()
        await asyncio.to_thread(self.process.wait)
        await self.start_worker()

    async def terminate_fleet(self) -> None:
        """Terminate the fleet, which the worker starts again."""
        with suppress(RPCError):  # it has not started again yet
            await fleet_handle(self.installation.client).terminate()

    async def terminate_loop(self, fabric: Fabric) -> None:
        """Terminate the loop, if it runs."""
        with suppress(RPCError):
            await fabric.handle.terminate()

    async def edit_fields(self, fabric: Fabric, fields: Row) -> None:
        """Edit custom fields of the record."""
        edit = partial(_edited, fields)
        await asyncio.to_thread(fabric.netbox.update_record, fabric.record_id, edit)

    async def edit_attributes(self, fabric: Fabric, **values: object) -> None:
        """Edit only the cluster's own attributes, as NetBox's form does."""
        await asyncio.to_thread(fabric.netbox.update, CLUSTERS_PATH, fabric.record_id, values)

    async def recreate_record(self, fabric: Fabric, *, at_once: bool) -> None:
        """Delete the record and create it again, at once or after the loop's end."""
        await asyncio.to_thread(fabric.netbox.delete, CLUSTERS_PATH, fabric.record_id)
        if not at_once:
            await wait_until(partial(self._is_running, fabric), lambda runs: not runs)
        fields = {
            "hh_fabric_id": fabric.fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": 5,
            "hh_kubernetes_server": fabric.api.server,
            "hh_git_repository": fabric.repository.url,
        }
        record = await asyncio.to_thread(fabric.netbox.create_record, fabric.fabric_id, fields)
        fabric.record_id = record["id"]

    async def send_signal(self, fabric: Fabric, name: str, arguments: list[object]) -> None:
        """Send a signal to the loop."""
        with suppress(RPCError):  # the loop does not run
            await fabric.handle.signal(name, args=arguments)

    async def send_update(self, fabric: Fabric, name: str, arguments: list[object]) -> None:
        """Send an update to the loop, which may refuse it."""
        with suppress(RPCError, WorkflowUpdateFailedError):
            await asyncio.wait_for(fabric.handle.execute_update(name, args=arguments), 60)

    async def break_kubernetes(self, fabric: Fabric) -> None:
        """Let the fabric's API answer 503."""
        emulated(fabric).clear_faults()
        emulated(fabric).inject_fault(Fault(503))

    async def restore_kubernetes(self, fabric: Fabric) -> None:
        """Let the fabric's API work again."""
        emulated(fabric).clear_faults()

    async def remove_repository(self, fabric: Fabric) -> None:
        """Move the Git repository away."""
        if fabric.repository.path.exists():
            fabric.repository.path.rename(_get_moved_path(fabric))

    async def restore_repository(self, fabric: Fabric) -> None:
        """Move the Git repository back."""
        if _get_moved_path(fabric).exists():
            _get_moved_path(fabric).rename(fabric.repository.path)

    async def cause_drift(self, fabric: Fabric) -> None:
        """Delete a server from the fabric's API."""
        fabric.api.apply_all(SERVERS)
        fabric.api.delete(get_kind("Server"), "server-2")

    async def remove_drift(self, fabric: Fabric) -> None:
        """Create the deleted server again."""
        fabric.api.apply_all(SERVERS)

    async def interrupt_netbox(self, fabric: Fabric, meanwhile: str) -> None:
        """Cut the worker off from NetBox while the loop gets the signal `meanwhile`."""
        await self.proxy.cut()
        await self.send_signal(fabric, meanwhile, [])
        if await self._is_running(fabric):
            await wait_until(partial(self._has_noticed_outage, fabric), bool)
        await self.proxy.connect()
        for other in self.fabrics:
            await self.send_signal(other, "record_changed", [])

    # -- checks -----------------------------------------------------------------------------------

    async def wait_until_consistent(self) -> None:
        """Wait until all views agree; no record may contradict itself meanwhile."""
        await wait_until(self._disagreements, lambda disagreements: not disagreements)

    async def _disagreements(self) -> list[str]:
        records = [
            (await asyncio.to_thread(fabric.netbox.get_record, fabric.record_id))[0]
            for fabric in self.fabrics
        ]
        for row in records:
            self._check(row)
        selectors = [f"@{fabric.record_id}" for fabric in self.fabrics]
        view = await get_fleet_view(self.session, selectors)
        command_line = {fabric.fabric_id: fabric for fabric in view.fabrics}
        disagreements = []
        for fabric, row in zip(self.fabrics, records, strict=True):
            running = await self._is_running(fabric)
            loop = await self.session.loops.get_status(fabric.fabric_id) if running else None
            sources = {"the command line": command_line.get(fabric.fabric_id), "the loop": loop}
            disagreements += [
                f"{row['name']}: {source} says {status_view(status)}, NetBox {netbox_view(row)}"
                for source, status in sources.items()
                if status is not None and status_view(status) != netbox_view(row)
            ]
            if custom_fields(row)["sync_status"] != expected_status(row):
                expected = expected_status(row)
                disagreements.append(f"{row['name']} should be {expected}: {netbox_view(row)}")
            if running != should_run(row):
                disagreements.append(f"{row['name']}: a loop runs: {running}")
            if running and loop is None:
                disagreements.append(f"{row['name']}: its loop does not answer")
        return disagreements

    def _check(self, row: Row) -> None:
        """Assert what must hold at any moment."""
        assert find_contradictions(row) == [], row
        now, before = custom_fields(row)["last_sync"] or "", self.last_sync.get(row["id"], "")
        assert now >= before, f"last_sync of {row['name']} went from {before} to {now}"
        self.last_sync[row["id"]] = now

    async def _is_running(self, fabric: Fabric) -> bool:
        return fabric.handle.id in await running_loops(self.installation.client)

    async def _has_noticed_outage(self, fabric: Fabric) -> bool:
        """Return whether the loop reports the outage, has no next sync or has ended."""
        status = await self.session.loops.get_status(fabric.fabric_id)
        return status is None or bool(status.netbox_error) or not status.next_sync


def _edited(fields: Row, _: Row) -> Row:
    return fields


def _get_moved_path(fabric: Fabric) -> Path:
    return fabric.repository.path.with_suffix(".gone")


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Return the fabric's API as an emulator, which can inject faults."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api


@asynccontextmanager
async def consistency_environment(
    installation: Installation,
) -> AsyncIterator[ConsistencyEnvironment]:
    """Create an environment on the installation's stack and this event loop."""
    address, netbox = installation.stack.temporal.address, installation.stack.netbox.url
    client = await connect({"TEMPORAL_ADDRESS": address})
    async with proxy_to(int(netbox.rpartition(":")[2])) as proxy:
        overrides = INVENTORY | {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        ours = replace(installation, client=client, overrides=overrides)
        settings = Settings.model_validate({"netbox_url": netbox, "netbox_token": ours.token})
        fabrics = [await ours.fabric(IN_GIT, SERVERS) for _ in range(2)]
        loop_client, instance = LoopClient(client, ours.queue), await get_instance(client)
        session = Session(settings, installation.admin, loop_client, instance)
        environment = ConsistencyEnvironment(ours, proxy, session, fabrics)
        async with environment.workers:
            yield environment


class EventLoop:
    """An event loop in its own thread, for synchronous tests."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def environment_in_thread(
    installation: Installation,
) -> Iterator[tuple[EventLoop, ConsistencyEnvironment]]:
    """Create an environment with its own event loop."""
    with _event_loop() as loop:
        context = consistency_environment(installation)
        environment = loop.run(context.__aenter__())
        try:
            yield loop, environment
        finally:
            loop.run(context.__aexit__(None, None, None))


@contextmanager
def _event_loop() -> Iterator[EventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="consistency-environment")
    thread.start()
    try:
        yield EventLoop(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
