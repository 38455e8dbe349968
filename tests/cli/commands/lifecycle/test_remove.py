"""`remove`: what it deletes, what it keeps, and that it asks first."""

import asyncio
import signal

import pytest

from activities.netbox.client import NetBox
from tests.support.cli.command_line import CommandLine
from tests.support.netbox.fault_proxy import run_fault_proxy
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
INTERFACES = "dcim/interfaces"


@pytest.fixture(autouse=True)
def _inventory_enabled(installation: Installation) -> None:
    installation.overrides["FABRIC_SYNC_INVENTORY"] = "true"


def left_of(netbox: NetBox, fabric: Fabric) -> set[str]:
    """Return the API paths at which NetBox still has objects of the fabric."""
    return {
        path
        for path in ("dcim/devices", "ipam/vrfs", "dcim/sites")
        for row in netbox.list_rows(path, cf_hh_fabric=fabric.fabric_id)
        if row["custom_fields"]["hh_fabric"] == fabric.fabric_id
    }


def devices(netbox: NetBox, fabric: Fabric) -> dict[str, int]:
    """Return the ids of the fabric's devices by name."""
    rows = netbox.list_rows("dcim/devices", cf_hh_fabric=fabric.fabric_id)
    return {
        row["name"]: row["id"]
        for row in rows
        if row["custom_fields"]["hh_fabric"] == fabric.fabric_id
    }


async def loaded(installation: Installation) -> Fabric:
    """Create a fabric, and wait until its inventory is in NetBox."""
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
    await installation.start(fabric)
    await fabric.wait_for_inventory()
    assert len(devices(installation.admin, fabric)) == len(SERVERS)
    return fabric


async def has_record(installation: Installation, fabric: Fabric) -> bool:
    """Return whether the record exists."""
    return any(row["id"] == fabric.record_id for row in installation.admin.list_records())


async def test_inventory_is_deleted_only_on_request_and_without_foreign_objects(
    installation: Installation, starter: CommandLine
) -> None:
    admin = installation.admin
    as_admin = starter.with_(FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token)
    async with installation.worker():
        fabric = await loaded(installation)
        assert (await starter("remove", fabric.fabric_id)).is_refused("give --yes")
        assert (await starter.run_with_answer("n", "remove", fabric.fabric_id)).code == 130
        assert await has_record(installation, fabric)
        assert (await as_admin("remove", fabric.fabric_id, "--yes")).code == 0
        assert not await has_record(installation, fabric)
        assert len(devices(admin, fabric)) == len(SERVERS)

        fabric = await loaded(installation)
        device = devices(admin, fabric)["server-1"]
        foreign = admin.create(INTERFACES, {"device": device, "name": "ipmi", "type": "1000base-t"})
        kept = await starter("remove", fabric.fabric_id, "--inventory", "--yes", "--json")
        assert (kept.code, kept.json["record"]) == (1, False)
        findings = {finding["what"] for finding in kept.json["inventory"]["findings"]}
        site = f"Fabric/default/{fabric.fabric_id}#site"
        assert findings == {"Server/default/server-1", site}, "a site stays with its devices"
        assert "stays in NetBox: it still has interface" in kept.out
        assert list(devices(admin, fabric)) == ["server-1"]
        interfaces = admin.list_rows(INTERFACES, device_id=device)
        assert any(row["id"] == foreign["id"] for row in interfaces)

        admin.delete(INTERFACES, foreign["id"])
        again = await starter("remove", fabric.fabric_id, "--inventory", "--yes")
        assert again.code == 1
        assert "Its record stays: " in again.err
        assert "does not allow this user to delete" in again.err
        assert devices(admin, fabric) == {}
        removed = await as_admin("remove", fabric.fabric_id, "--inventory", "--yes", "--json")
        assert (removed.code, removed.json["record"]) == (0, True)
        assert not await has_record(installation, fabric)
        await wait_until(fabric.handle.describe, lambda loop: loop.close_time is not None)


async def test_removal_that_loses_its_worker_continues_with_the_next(
    installation: Installation, starter: CommandLine
) -> None:
    admin, netbox = installation.admin, installation.stack.netbox
    remove = starter.with_(FABRIC_SYNC_NETBOX_TOKEN=netbox.token)
    async with run_fault_proxy(netbox.url) as between:
        through = {"FABRIC_SYNC_NETBOX_URL": between.url, "FABRIC_SYNC_GRACEFUL_SHUTDOWN": "0"}
        async with installation.worker_process(**through) as worker:
            fabric = await loaded(installation)
            arguments = ("remove", fabric.fabric_id, "--inventory", "--yes")
            removal = asyncio.create_task(remove(*arguments))
            await between.wait_for_rows(between.rows_received + len(SERVERS))
            between.released.clear()  # NetBox has deleted the first objects, but nobody gets its answer
            worker.send_signal(signal.SIGTERM)
            interrupted = await removal
            between.released.set()
    assert interrupted.is_refused("No worker takes work")
    assert "run this command again" in interrupted.err
    assert await has_record(installation, fabric)
    assert left_of(admin, fabric) == {"ipam/vrfs", "dcim/sites"}

    vm = {"name": "Trial", "cluster": fabric.record_id}
    foreign = admin.create("virtualization/virtual-machines", vm)
    async with installation.worker():
        kept = await remove(*arguments)
        assert kept.code == 1
        assert "Its record stays: NetBox at" in kept.err
        assert "dependent objects were found: Trial" in kept.err
        assert left_of(admin, fabric) == set()
        admin.delete("virtualization/virtual-machines", foreign["id"])
        assert (await remove(*arguments)).code == 0
    assert not await has_record(installation, fabric)
