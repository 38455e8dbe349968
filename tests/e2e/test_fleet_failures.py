"""What must not stop a loop, start a second one or say a thing twice: bad answers, kills, wedged loops."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from temporalio.client import Client

from activities.netbox.client import CLUSTER_TYPE_SLUG, CLUSTER_TYPES_PATH, CLUSTERS_PATH, NetBox
from activities.setup.access import LOOKUPS_GRANT, RECORDS_GRANT
from fabrics.fleet.summary import FleetSummary
from tests.support.cli.command_line import CommandLine
from tests.support.netbox.fault_proxy import FaultProxy, fault_proxy
from tests.support.system.fleet import (
    changed,
    edit,
    fleet_of,
    journal,
    look,
    looked,
    loops,
    loops_of,
    rows,
    run_id,
    summary,
)
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
PERMISSIONS = "users/permissions"

type Trouble = Callable[[NetBox, FaultProxy], AbstractAsyncContextManager[None]]


async def key_of(netbox: NetBox, path: str, **values: object) -> int:
    """The number of the object with these values."""
    found = await asyncio.to_thread(rows, netbox, path)
    return int(
        next(row["id"] for row in found if all(row[name] == values[name] for name in values))
    )


@asynccontextmanager
async def permission_lost(netbox: NetBox, _: FaultProxy) -> AsyncIterator[None]:
    """NetBox answers 403."""
    key = await key_of(netbox, PERMISSIONS, name=RECORDS_GRANT.permission.key["name"])
    async with changed(netbox, PERMISSIONS, key, enabled=False):
        yield


@asynccontextmanager
async def records_out_of_sight(netbox: NetBox, _: FaultProxy) -> AsyncIterator[None]:
    """NetBox answers with a list that is empty."""
    key = await key_of(netbox, PERMISSIONS, name=RECORDS_GRANT.permission.key["name"])
    async with changed(netbox, PERMISSIONS, key, constraints={"type__slug": "nothing"}):
        yield


@asynccontextmanager
async def type_out_of_sight(netbox: NetBox, lying: FaultProxy) -> AsyncIterator[None]:
    """Nor does it say how many there are."""
    key = await key_of(netbox, PERMISSIONS, name=LOOKUPS_GRANT.permission.key["name"])
    async with (
        records_out_of_sight(netbox, lying),
        changed(netbox, PERMISSIONS, key, enabled=False),
    ):
        yield


@asynccontextmanager
async def type_missing(netbox: NetBox, _: FaultProxy) -> AsyncIterator[None]:
    """Somebody gave the cluster type another slug."""
    key = await key_of(netbox, CLUSTER_TYPES_PATH, slug=CLUSTER_TYPE_SLUG)
    async with changed(netbox, CLUSTER_TYPES_PATH, key, slug="fabrics-of-old"):
        yield


@asynccontextmanager
async def records_empty(_: NetBox, lying: FaultProxy) -> AsyncIterator[None]:
    """A proxy answers in NetBox's place: no clusters."""
    lying.empty = (CLUSTERS_PATH,)
    yield
    lying.empty = ()


@asynccontextmanager
async def all_empty(_: NetBox, lying: FaultProxy) -> AsyncIterator[None]:
    """No anything."""
    lying.empty = ("/api/",)
    yield
    lying.empty = ()


TROUBLES: list[Trouble] = [
    permission_lost,
    records_out_of_sight,
    type_out_of_sight,
    type_missing,
    records_empty,
    all_empty,
]


async def healthy(installation: Installation) -> FleetSummary:
    """The summary of a fleet whose latest round went well."""
    await look(installation)
    return await until(partial(summary, installation), lambda told: told.error == "")


async def check_stops_no_loop(
    installation: Installation, fabrics: list[Fabric], runs: list[str | None]
) -> None:
    """The fleet and each loop say that they could not look; nothing has ended or begun anew."""
    await look(installation)
    told = await until(partial(summary, installation), lambda told: told.error != "")
    assert told.loops == len(fabrics)
    for fabric in fabrics:
        await fabric.handle.signal(FabricSync.record_changed)
    for fabric in fabrics:
        await until(fabric.status, lambda status: status.netbox_error != "")
    assert [await run_id(fabric) for fabric in fabrics] == runs
    assert await loops_of(installation.client, fabrics)


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_no_answer_of_netbox_stops_a_loop(installation: Installation, count: int) -> None:
    async with fault_proxy(installation.stack.netbox.url) as lying:
        installation.changes = {"FABRIC_SYNC_NETBOX_URL": lying.url}
        fabrics = [
            await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600) for _ in range(count)
        ]
        async with installation.worker():
            await until(partial(loops, installation.client), lambda there: len(there) == count)
            for fabric in fabrics:
                await fabric.handle.signal(FabricSync.sync_now_by_signal)
            for fabric in fabrics:
                await fabric.recorded("in_sync")
            await looked(installation)
            runs = [await run_id(fabric) for fabric in fabrics]
            for trouble in TROUBLES:
                async with trouble(installation.admin, lying):
                    await check_stops_no_loop(installation, fabrics, runs)
                told = await healthy(installation)
                assert told.loops == count
                for fabric in fabrics:
                    await fabric.handle.signal(FabricSync.record_changed)
                    await until(fabric.status, lambda status: status.netbox_error == "")
            assert [await run_id(fabric) for fabric in fabrics] == runs


async def test_workers_that_are_killed_and_doubled_make_nothing_twice(
    installation: Installation,
) -> None:
    async with fault_proxy(installation.stack.netbox.url) as lying:
        installation.changes = {"FABRIC_SYNC_NETBOX_URL": lying.url}
        starter = CommandLine(installation.variables)
        fabrics = [
            await installation.fabric(IN_GIT, SERVERS[:2], hh_sync_interval=5) for _ in range(3)
        ]
        async with installation.worker() as doomed:
            for fabric in fabrics:
                await fabric.recorded("out_of_sync")
            enabled = await starter("enable", *(fabric.fabric_id for fabric in fabrics))
            assert enabled.code == 0
            new = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None, hh_sync_interval=5)
            lying.go_on.clear()
            await look(installation)
            await until(partial(held, lying), bool)
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
        lying.go_on.set()
        async with installation.worker(), installation.worker():
            await new.recorded("in_sync")
            await look(installation)
            for fabric in fabrics:
                await fabric.synced((await fabric.status()).syncs + 3)
            assert await loops_of(installation.client, [*fabrics, new])
            for fabric in fabrics:
                entries = await until(partial(journal, fabric), bool)
                assert len(entries) == 1
                assert "out_of_sync" in entries[0]
            told = await healthy(installation)
            assert told.states == {"in_sync": 1, "out_of_sync": 3}


async def held(lying: FaultProxy) -> int:
    """How many answers are held back."""
    return lying.held


async def test_a_loop_that_can_never_get_on_is_replaced_when_it_is_overdue(
    installation: Installation,
) -> None:
    installation.changes = {"FABRIC_SYNC_NETBOX_HEARTBEAT": "5"}
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
    healthy_one = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=10)
    wedged = await installation.client.start_workflow(
        "FabricSync", "no state of a loop", id=fabric.handle.id, task_queue=installation.queue
    )
    async with installation.worker():
        await healthy_one.recorded("in_sync")
        kept = await run_id(healthy_one)
        await until(partial(attempts, installation.client, fabric), lambda count: count > 2)
        overdue = datetime.now(UTC) + timedelta(seconds=11)
        await until(now, lambda moment: moment > overdue)
        await look(installation)
        await fabric.recorded("in_sync")
        assert await run_id(fabric) != wedged.first_execution_run_id
        assert await run_id(healthy_one) == kept


async def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


async def attempts(client: Client, fabric: Fabric) -> int:
    """How often its loop has tried the step that it is at."""
    described = await client.get_workflow_handle(fabric.handle.id).describe()
    return described.raw_description.pending_workflow_task.attempt


async def test_a_fleet_that_was_cancelled_is_back_soon(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    async with installation.worker():
        await fabric.recorded("disabled")
        first = (await fleet_of(installation.client).describe()).run_id
        await fleet_of(installation.client).cancel()

        async def run() -> str | None:
            return (await fleet_of(installation.client).describe()).run_id

        await until(run, lambda now: now != first, 40)
        await edit(fabric, custom_fields={"hh_kubernetes_server": None})
        await look(installation)
        await fabric.recorded("not_configured")
