"""Wrong answers of NetBox, kills and stuck loops neither end nor duplicate loops."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import pytest

from activities.netbox.client import CLUSTER_TYPE_SLUG, CLUSTER_TYPES_PATH, CLUSTERS_PATH, NetBox
from activities.setup.access import LOOKUPS_GRANT, RECORDS_GRANT
from fabrics.fleet.summary import FleetSummary
from tests.support.cli.command_line import CommandLine
from tests.support.netbox.fault_proxy import FaultProxy, run_fault_proxy
from tests.support.system.fleet import (
    edit,
    first_run_id,
    fleet_handle,
    fleet_summary,
    journal,
    list_all,
    only_these_run,
    request_round,
    running_loops,
    temporarily_changed,
    wait_for_round,
)
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
PERMISSIONS = "users/permissions"

type Fault = Callable[[NetBox, FaultProxy], AbstractAsyncContextManager[None]]


async def find_id(netbox: NetBox, path: str, **values: object) -> int:
    """Return the id of the object with these values."""
    rows = await asyncio.to_thread(list_all, netbox, path)
    return int(next(row["id"] for row in rows if all(row[name] == values[name] for name in values)))


@asynccontextmanager
async def permission_lost(netbox: NetBox, _: FaultProxy) -> AsyncIterator[None]:
    """Let NetBox answer 403."""
    key = await find_id(netbox, PERMISSIONS, name=RECORDS_GRANT.permission.key["name"])
    async with temporarily_changed(netbox, PERMISSIONS, key, enabled=False):
        yield


@asynccontextmanager
async def records_hidden(netbox: NetBox, _: FaultProxy) -> AsyncIterator[None]:
    """Let NetBox answer with an empty list."""
    key = await find_id(netbox, PERMISSIONS, name=RECORDS_GRANT.permission.key["name"])
    async with temporarily_changed(netbox, PERMISSIONS, key, constraints={"type__slug": "nothing"}):
        yield


@asynccontextmanager
async def type_hidden(netbox: NetBox, proxy: FaultProxy) -> AsyncIterator[None]:
    """Also hide the cluster type, with its number of clusters."""
    key = await find_id(netbox, PERMISSIONS, name=LOOKUPS_GRANT.permission.key["name"])
    async with (
        records_hidden(netbox, proxy),
        temporarily_changed(netbox, PERMISSIONS, key, enabled=False),
    ):
        yield


@asynccontextmanager
async def type_missing(netbox: NetBox, _: FaultProxy) -> AsyncIterator[None]:
    """Give the cluster type another slug."""
    key = await find_id(netbox, CLUSTER_TYPES_PATH, slug=CLUSTER_TYPE_SLUG)
    async with temporarily_changed(netbox, CLUSTER_TYPES_PATH, key, slug="fabrics-of-old"):
        yield


@asynccontextmanager
async def records_empty(_: NetBox, proxy: FaultProxy) -> AsyncIterator[None]:
    """Let the proxy answer that there are no clusters."""
    proxy.empty_lists = (CLUSTERS_PATH,)
    yield
    proxy.empty_lists = ()


@asynccontextmanager
async def all_empty(_: NetBox, proxy: FaultProxy) -> AsyncIterator[None]:
    """Let the proxy answer all lists with an empty one."""
    proxy.empty_lists = ("/api/",)
    yield
    proxy.empty_lists = ()


FAULTS: list[Fault] = [
    permission_lost,
    records_hidden,
    type_hidden,
    type_missing,
    records_empty,
    all_empty,
]


async def wait_until_healthy(installation: Installation) -> FleetSummary:
    """Wait until a round of the fleet succeeds, and return the summary."""
    await request_round(installation)
    return await wait_until(
        partial(fleet_summary, installation), lambda summary: summary.error == ""
    )


async def check_no_loop_ends(
    installation: Installation, fabrics: list[Fabric], runs: list[str]
) -> None:
    """Check that fleet and loops report the error and no loop has ended."""
    await request_round(installation)
    summary = await wait_until(
        partial(fleet_summary, installation), lambda summary: summary.error != ""
    )
    assert summary.loops == len(fabrics)
    for fabric in fabrics:
        await fabric.handle.signal(FabricSync.record_changed)
    for fabric in fabrics:
        await wait_until(fabric.status, lambda status: status.netbox_error != "")
    assert [await first_run_id(fabric) for fabric in fabrics] == runs
    assert await only_these_run(installation.client, fabrics)


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_wrong_answers_of_netbox_stop_no_loop(installation: Installation, count: int) -> None:
    async with run_fault_proxy(installation.stack.netbox.url) as proxy:
        installation.overrides = {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        fabrics = [
            await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600) for _ in range(count)
        ]
        async with installation.worker():
            await wait_until(
                partial(running_loops, installation.client), lambda ids: len(ids) == count
            )
            for fabric in fabrics:
                await fabric.handle.signal(FabricSync.sync_now_by_signal)
            for fabric in fabrics:
                await fabric.wait_for_status("in_sync")
            await wait_for_round(installation)
            runs = [await first_run_id(fabric) for fabric in fabrics]
            for fault in FAULTS:
                async with fault(installation.admin, proxy):
                    await check_no_loop_ends(installation, fabrics, runs)
                summary = await wait_until_healthy(installation)
                assert summary.loops == count
                for fabric in fabrics:
                    await fabric.handle.signal(FabricSync.record_changed)
                    await wait_until(fabric.status, lambda status: status.netbox_error == "")
            assert [await first_run_id(fabric) for fabric in fabrics] == runs


async def test_killed_and_duplicate_workers_create_nothing_twice(
    installation: Installation,
) -> None:
    async with run_fault_proxy(installation.stack.netbox.url) as proxy:
        installation.overrides = {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        starter = CommandLine(installation.variables)
        fabrics = [
            await installation.fabric(IN_GIT, SERVERS[:2], hh_sync_interval=5) for _ in range(3)
        ]
        async with installation.worker_process() as doomed:
            for fabric in fabrics:
                await fabric.wait_for_status("out_of_sync")
            enabled = await starter("enable", *(fabric.fabric_id for fabric in fabrics))
            assert enabled.code == 0
            new = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None, hh_sync_interval=5)
            proxy.released.clear()
            await request_round(installation)
            await wait_until(partial(count_held_answers, proxy), bool)
            doomed.send_signal(signal.SIGKILL)
            doomed.wait()
        proxy.released.set()
        async with installation.worker(), installation.worker_process():
            await new.wait_for_status("in_sync")
            await request_round(installation)
            for fabric in fabrics:
                await fabric.wait_for_syncs((await fabric.status()).syncs + 3)
            assert await only_these_run(installation.client, [*fabrics, new])
            for fabric in fabrics:
                entries = await wait_until(partial(journal, fabric), bool)
                assert len(entries) == 1
                assert "out_of_sync" in entries[0]
            summary = await wait_for_round(installation)
            assert summary.states == {"in_sync": 1, "out_of_sync": 3}


async def count_held_answers(proxy: FaultProxy) -> int:
    """Return the number of answers that the proxy holds back."""
    return proxy.held_answers


async def test_stuck_loop_is_replaced_when_overdue(installation: Installation) -> None:
    installation.overrides = {"FABRIC_SYNC_NETBOX_HEARTBEAT": "5"}
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
    healthy = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=10)
    stuck = await installation.client.start_workflow(
        "FabricSync", "no state of a loop", id=fabric.handle.id, task_queue=installation.queue
    )
    async with installation.worker():
        await healthy.wait_for_status("in_sync")
        kept = await first_run_id(healthy)
        await fabric.wait_for_status("in_sync")
        assert await first_run_id(fabric) != stuck.first_execution_run_id
        assert await first_run_id(healthy) == kept


async def test_cancelled_fleet_starts_again(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    async with installation.worker():
        await fabric.wait_for_status("disabled")
        first = (await fleet_handle(installation.client).describe()).run_id
        await fleet_handle(installation.client).cancel()

        async def run() -> str | None:
            return (await fleet_handle(installation.client).describe()).run_id

        await wait_until(run, lambda now: now != first, 40)
        await edit(fabric, custom_fields={"hh_kubernetes_server": None})
        await request_round(installation)
        await fabric.wait_for_status("not_configured")
