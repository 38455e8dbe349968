"""`remove`: what goes, what stays, and that nothing goes unasked."""

import asyncio
import signal
from functools import partial

import pytest

from activities.netbox.client import NetBox
from activities.queues import queue_has_worker
from tests.support.cli.command_line import CommandLine
from tests.support.netbox.fault_proxy import fault_proxy
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
INTERFACES = "dcim/interfaces"


@pytest.fixture(autouse=True)
def mirrored(installation: Installation) -> None:
    """Workers mirror what runs."""
    installation.changes["FABRIC_SYNC_INVENTORY"] = "true"


def left_of(netbox: NetBox, fabric: Fabric) -> set[str]:
    """Of which sorts there is something left of the inventory of a few servers."""
    return {
        path
        for path in ("dcim/devices", "ipam/vrfs", "dcim/sites")
        for row in netbox.list_rows(path, cf_hh_fabric=fabric.fabric_id)
        if row["custom_fields"]["hh_fabric"] == fabric.fabric_id
    }


def devices(netbox: NetBox, fabric: Fabric) -> dict[str, int]:
    """The devices that syncs have made of a fabric, by name."""
    rows = netbox.list_rows("dcim/devices", cf_hh_fabric=fabric.fabric_id)
    return {
        row["name"]: row["id"]
        for row in rows
        if row["custom_fields"]["hh_fabric"] == fabric.fabric_id
    }


async def loaded(installation: Installation) -> Fabric:
    """A fabric whose inventory is in NetBox."""
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
    await installation.start(fabric)
    await fabric.synced(1)
    assert len(devices(installation.admin, fabric)) == len(SERVERS)
    return fabric


async def is_there(installation: Installation, fabric: Fabric) -> bool:
    """Whether the record still is."""
    return any(row["id"] == fabric.record_id for row in installation.admin.list_records())


async def test_the_inventory_goes_only_if_asked_for_and_what_others_put_on_it_never(
    installation: Installation, starter: CommandLine
) -> None:
    admin = installation.admin
    as_admin = starter.with_(FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token)
    async with installation.worker():
        left = await loaded(installation)
        assert (await starter("remove", left.fabric_id)).refused("give --yes")
        assert (await starter.answered("n", "remove", left.fabric_id)).code == 130
        assert await is_there(installation, left)
        assert (await as_admin("remove", left.fabric_id, "--yes")).code == 0
        assert not await is_there(installation, left)
        assert len(devices(admin, left)) == len(SERVERS)

        fabric = await loaded(installation)
        device = devices(admin, fabric)["server-1"]
        own = admin.create(INTERFACES, {"device": device, "name": "ipmi", "type": "1000base-t"})
        held = await starter("remove", fabric.fabric_id, "--inventory", "--yes", "--json")
        assert (held.code, held.json["record"]) == (1, False)
        findings = {each["what"] for each in held.json["inventory"]["findings"]}
        site = f"Fabric/default/{fabric.fabric_id}#site"
        assert findings == {"Server/default/server-1", site}, "a site stays with its devices"
        assert "stays in NetBox: it still has interface" in held.out
        assert list(devices(admin, fabric)) == ["server-1"]
        assert any(row["id"] == own["id"] for row in admin.list_rows(INTERFACES, device_id=device))

        admin.delete(INTERFACES, own["id"])
        again = await starter("remove", fabric.fabric_id, "--inventory", "--yes")
        assert again.code == 1
        assert "Its record stays: " in again.err
        assert "does not allow this user to delete" in again.err
        assert devices(admin, fabric) == {}
        removed = await as_admin("remove", fabric.fabric_id, "--inventory", "--yes", "--json")
        assert (removed.code, removed.json["record"]) == (0, True)
        assert not await is_there(installation, fabric)
        await until(fabric.handle.describe, lambda loop: loop.close_time is not None)


async def test_a_removal_that_loses_its_worker_says_so_and_goes_on_with_another(
    installation: Installation, starter: CommandLine
) -> None:
    admin, netbox = installation.admin, installation.stack.netbox
    remove = starter.with_(FABRIC_SYNC_NETBOX_TOKEN=netbox.token)
    async with fault_proxy(netbox.url) as between:
        through = {"FABRIC_SYNC_NETBOX_URL": between.url, "FABRIC_SYNC_GRACEFUL_SHUTDOWN": "0"}
        async with installation.worker(**through) as worker:
            fabric = await loaded(installation)
            asked = ("remove", fabric.fabric_id, "--inventory", "--yes")
            removal = asyncio.create_task(remove(*asked))
            await between.received(between.rows + len(SERVERS))
            between.go_on.clear()  # NetBox has deleted the first of it, which nobody knows
            worker.send_signal(signal.SIGTERM)
            lost = await removal
            between.go_on.set()
    assert lost.refused("No worker takes work")
    assert "run this again with a worker" in lost.err
    assert await is_there(installation, fabric)
    assert left_of(admin, fabric) == {"ipam/vrfs", "dcim/sites"}

    vm = {"name": "Trial", "cluster": fabric.record_id}
    theirs = admin.create("virtualization/virtual-machines", vm)
    async with installation.worker():
        await until(partial(queue_has_worker, installation.client, installation.queue), bool)
        held = await remove(*asked)
        assert held.code == 1
        assert "Its record stays: NetBox at" in held.err
        assert "dependent objects were found: Trial" in held.err
        assert left_of(admin, fabric) == set()
        admin.delete("virtualization/virtual-machines", theirs["id"])
        assert (await remove(*asked)).code == 0
    assert not await is_there(installation, fabric)
