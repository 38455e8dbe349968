"""A NetBox, a Temporal, a worker and two fabrics to which anything may happen, and what must hold then.

The oracle knows nothing of the project's code: it works out from a record's own fields which status it
may show, and what has to go with it.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client, WorkflowUpdateFailedError
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

import temporal
from activities.netbox.client import CLUSTERS_PATH, Row
from cli.fabrics.fleet_view import get_fleet_view
from cli.session import Session
from cli.temporal.loop_client import LoopClient
from fabrics.loop.report import FabricStatus
from fabrics.resources.kinds import get_kind
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.fleet import fleet_of, loops
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until
from tests.support.system.tcp_proxy import Proxy, proxy_to
from workflows.fleet import Fleet

IN_GIT: Final = {"fabric.yaml": in_yaml(SERVERS)}
SETTLED: Final = 75.0
"""Seconds within which everything must agree: a round, and the minute that a NetBox which failed is given."""

HASTE: Final = 3.0
"""Seconds between the signals that make the fleet look, so that most of it takes less."""

TOO_SHORT: Final = 3
"""An interval that NetBox accepts and syncs cannot use."""


def fields_of(row: Row) -> Row:
    """A record's custom fields without `hh_`, choices without their labels."""
    plain = {
        name: value["value"] if isinstance(value, dict) and "label" in value else value
        for name, value in row["custom_fields"].items()
    }
    return {name.removeprefix("hh_"): value for name, value in plain.items()}


def wanted(row: Row) -> bool:
    """Whether this record should have a loop."""
    return expected_status(row) not in ("not_configured", "disabled")


def expected_status(row: Row) -> str:  # noqa: PLR0911  one line a state
    """The status that a record may show once nothing is under way: the first that applies."""
    said = fields_of(row)
    if not said["kubernetes_server"]:
        return "not_configured"
    on = said["sync_enabled"] and said["sync_interval"] != 0 and row["status"]["value"] == "active"
    if not on:
        return "disabled"
    if said["paused"]:
        return "paused"
    if not said["last_sync"]:
        return "never_synced"
    if said["sync_error"]:
        return "error"
    if said["drift_count"]:
        return "out_of_sync"
    return "in_sync" if said["git_repository"] and said["drift_count"] == 0 else "inventory_only"


def contradictions(row: Row) -> list[str]:
    """What of a record's status cannot be true together, at any moment."""
    said = fields_of(row)
    status, drift, error = said["sync_status"], said["drift_count"], said["sync_error"]
    wrong = {
        "an error without a sentence": status == "error" and not error,
        "a sentence without an error": error
        and status in ("in_sync", "out_of_sync", "inventory_only"),
        "drift of nothing": status == "out_of_sync" and not drift,
        "in sync with drift": status == "in_sync" and drift != 0,
        "in sync and never synced": status == "in_sync" and not said["last_sync"],
        "in sync after a failure": status in ("in_sync", "out_of_sync")
        and said["last_success"] != said["last_sync"],
        "never synced, and when": status == "never_synced" and said["last_sync"],
        "succeeded before it began": (said["last_success"] or "") > (said["last_sync"] or ""),
        "a connection that failed silently": (said["connection_status"] == "error")
        != bool(said["connection_error"]),
        "connected to no server": status == "not_configured"
        and said["connection_status"] not in (None, "unknown"),
        "more drift listed than there is": len(said["drift"] or []) > (drift or 0),
        "a sync of nobody": status == "in_sync" and not said["instance"],
        "too short an interval, unsaid": status == "in_sync" and said["sync_interval"] == TOO_SHORT,
    }
    return [what for what, holds in wrong.items() if holds]


def told(row: Row) -> tuple[object, ...]:
    """What NetBox says of all that the loop and the command line say as well."""
    said = fields_of(row)
    interval = said["sync_interval"]
    usable = interval if interval not in (None, TOO_SHORT) else 300
    return (
        said["sync_status"],
        said["drift_count"],
        said["sync_error"] or "",
        bool(said["paused"]),
        usable,
    )


@dataclass
class ConsistencyEnvironment:
    """Everything under test. Its methods run on the event loop that made it."""

    installation: Installation
    proxy: Proxy
    session: Session
    fabrics: list[Fabric]
    workers: AsyncExitStack = field(default_factory=AsyncExitStack)
    last_sync: dict[int, str] = field(default_factory=dict)
    hurried: float = 0.0

    # -- what happens -----------------------------------------------------------------------------

    async def begin(self) -> None:
        """A worker, and both fabrics new, healthy and in sync."""
        await self.start_worker()
        for fabric in self.fabrics:
            emulated(fabric).clear_faults()
            fabric.api.apply_all(SERVERS)
            await self.record_is_recreated(fabric, at_once=True)
        await self.settled()

    async def end(self) -> None:
        """Leave nothing behind that the next sequence would notice."""
        await self.proxy.cut()
        await self.proxy.connect()
        for fabric in self.fabrics:
            await self.git_is_back(fabric)
        await self.workers.aclose()

    async def start_worker(self) -> None:
        """A worker, beside those that run."""
        self.process = await self.workers.enter_async_context(self.installation.worker())

    async def worker_is_killed(self) -> None:
        """The worker dies; another one starts."""
        self.process.kill()
        await asyncio.to_thread(self.process.wait)
        await self.start_worker()

    async def fleet_is_terminated(self) -> None:
        """The fleet is terminated, and a second worker starts it again."""
        with suppress(RPCError):  # it has not come back yet
            await fleet_of(self.installation.client).terminate()
        await self.start_worker()

    async def loop_is_terminated(self, fabric: Fabric) -> None:
        """The loop is terminated, if it runs."""
        with suppress(RPCError):
            await fabric.handle.terminate()

    async def record_is_edited(self, fabric: Fabric, fields: Row) -> None:
        """Somebody edits the record."""
        edit = partial(_edited, fields)
        await asyncio.to_thread(fabric.netbox.update_record, fabric.record_id, edit)

    async def record_is_changed(self, fabric: Fabric, **values: object) -> None:
        """Somebody changes the cluster's own attributes, as NetBox's form does: nothing else is touched."""
        await asyncio.to_thread(fabric.netbox.update, CLUSTERS_PATH, fabric.record_id, values)

    async def record_is_recreated(self, fabric: Fabric, *, at_once: bool) -> None:
        """The record is deleted, and there again: at once, or when the loop has ended."""
        await asyncio.to_thread(fabric.netbox.delete, CLUSTERS_PATH, fabric.record_id)
        if not at_once:
            await until(partial(self._runs, fabric), lambda runs: not runs)
        known = {
            "hh_fabric_id": fabric.fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": 5,
            "hh_kubernetes_server": fabric.api.server,
            "hh_git_repository": fabric.repository.url,
        }
        record = await asyncio.to_thread(fabric.netbox.create_record, fabric.fabric_id, known)
        fabric.record_id = record["id"]

    async def signal_comes(self, fabric: Fabric, name: str, arguments: list[object]) -> None:
        """Anybody sends a signal."""
        with suppress(RPCError):  # it does not run
            await fabric.handle.signal(name, args=arguments)

    async def update_comes(self, fabric: Fabric, name: str, arguments: list[object]) -> None:
        """The command line sends an update; it may be refused."""
        with suppress(RPCError, WorkflowUpdateFailedError):
            await asyncio.wait_for(fabric.handle.execute_update(name, args=arguments), 60)

    async def kubernetes_fails(self, fabric: Fabric) -> None:
        """The fabric's API answers 503."""
        emulated(fabric).clear_faults()
        emulated(fabric).inject_fault(Fault(503))

    async def kubernetes_is_back(self, fabric: Fabric) -> None:
        """The fabric's API answers again."""
        emulated(fabric).clear_faults()

    async def git_goes(self, fabric: Fabric) -> None:
        """The repository is not there any more."""
        if fabric.repository.path.exists():
            fabric.repository.path.rename(_aside(fabric))

    async def git_is_back(self, fabric: Fabric) -> None:
        """The repository is there again."""
        if _aside(fabric).exists():
            _aside(fabric).rename(fabric.repository.path)

    async def drift_comes(self, fabric: Fabric) -> None:
        """Somebody deletes a server from the fabric."""
        fabric.api.apply_all(SERVERS)
        fabric.api.delete(get_kind("Server"), "server-2")

    async def drift_goes(self, fabric: Fabric) -> None:
        """And creates it again."""
        fabric.api.apply_all(SERVERS)

    async def netbox_is_away(self, fabric: Fabric, meanwhile: str) -> None:
        """The worker cannot reach NetBox while somebody asks the loop for something."""
        await self.proxy.cut()
        await self.signal_comes(fabric, meanwhile, [])
        if await self._runs(fabric):
            await until(partial(self._noticed, fabric), bool, 30)
        await self.proxy.connect()
        for each in self.fabrics:
            await self.signal_comes(each, "record_changed", [])

    # -- what must hold ---------------------------------------------------------------------------

    async def settled(self) -> None:
        """Wait until all that is stored and said is one truth. No record may ever contradict itself."""
        await until(self._disagreements, lambda found: not found, SETTLED)

    async def _disagreements(self) -> list[str]:
        await self._hurry()
        records = [
            (await asyncio.to_thread(fabric.netbox.get_record, fabric.record_id))[0]
            for fabric in self.fabrics
        ]
        for row in records:
            self._check(row)
        sight = await get_fleet_view(
            self.session, [f"@{fabric.record_id}" for fabric in self.fabrics]
        )
        command_line = {seen.fabric_id: seen for seen in sight.fabrics}
        found = []
        for fabric, row in zip(self.fabrics, records, strict=True):
            running = await self._runs(fabric)
            loop = await self.session.loops.get_status(fabric.fabric_id) if running else None
            sources = {"the command line": command_line.get(fabric.fabric_id), "the loop": loop}
            found += [
                f"{row['name']}: {who} says {_facts(status)}, NetBox {told(row)}"
                for who, status in sources.items()
                if status is not None and _facts(status) != told(row)
            ]
            if fields_of(row)["sync_status"] != expected_status(row):
                found.append(f"{row['name']} should be {expected_status(row)}: {told(row)}")
            if running != wanted(row):
                found.append(f"{row['name']}: wanted {wanted(row)}, running {running}")
            if running and loop is None:
                found.append(f"{row['name']}: its loop does not answer")
        return found

    def _check(self, row: Row) -> None:
        """What holds at any moment."""
        assert contradictions(row) == [], row
        now, before = fields_of(row)["last_sync"] or "", self.last_sync.get(row["id"], "")
        assert now >= before, f"last_sync of {row['name']} went from {before} to {now}"
        self.last_sync[row["id"]] = now

    async def _hurry(self) -> None:
        """Let the fleet look, unless it was told a moment ago."""
        now = asyncio.get_running_loop().time()
        if now - self.hurried > HASTE:
            self.hurried = now
            with suppress(RPCError):  # it was terminated
                await fleet_of(self.installation.client).signal(Fleet.record_changed)

    async def _runs(self, fabric: Fabric) -> bool:
        await self._hurry()
        return fabric.handle.id in await loops(self.installation.client)

    async def _noticed(self, fabric: Fabric) -> bool:
        """Whether the loop knows that NetBox is away, or has synced since, or has ended."""
        status = await self.session.loops.get_status(fabric.fabric_id)
        return status is None or bool(status.netbox_error) or not status.next_sync


def _facts(status: FabricStatus) -> tuple[object, ...]:
    return (
        str(status.sync_status),
        status.drift_count,
        status.sync_error,
        status.paused,
        status.sync_interval,
    )


def _edited(fields: Row, _: Row) -> Row:
    return fields


def _aside(fabric: Fabric) -> Path:
    return fabric.repository.path.with_suffix(".gone")


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Its API, where faults can be injected."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api


@asynccontextmanager
async def world(installation: Installation) -> AsyncIterator[ConsistencyEnvironment]:
    """A world of the event loop that this runs on, on the stack of `installation`."""
    address, netbox = installation.stack.temporal.address, installation.stack.netbox.url
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    async with proxy_to(int(netbox.rpartition(":")[2])) as proxy:
        changes = {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        ours = replace(installation, client=client, changes=changes)
        settings = Settings.model_validate({"netbox_url": netbox, "netbox_token": ours.token})
        fabrics = [await ours.fabric(IN_GIT, SERVERS) for _ in range(2)]
        loops_here, instance = LoopClient(client, ours.queue), await temporal.get_instance(client)
        session = Session(settings, installation.admin, loops_here, instance)
        made = ConsistencyEnvironment(ours, proxy, session, fabrics)
        async with made.workers:
            yield made


class EventLoop:
    """An event loop in a thread of its own, for tests that are not asynchronous themselves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for `work`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


@contextmanager
def world_in_thread(
    installation: Installation,
) -> Iterator[tuple[EventLoop, ConsistencyEnvironment]]:
    """A world with an event loop of its own."""
    with _event_loop() as loop:
        opened = world(installation)
        made = loop.run(opened.__aenter__())
        try:
            yield loop, made
        finally:
            loop.run(opened.__aexit__(None, None, None))


@contextmanager
def _event_loop() -> Iterator[EventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="world")
    thread.start()
    try:
        yield EventLoop(loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
