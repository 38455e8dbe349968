"""What `docs/backup.md` says of restores, carried out on the real stack."""

import asyncio
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from activities.netbox.client import CLUSTERS_PATH
from temporal import connect
from tests.support.faults.database import read_inventories
from tests.support.faults.invariants import Inventory
from tests.support.netbox.database_backup import back_up, restore
from tests.support.system.fleet import wait_for_end, wait_until_listed
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    manifest,
    wait_until,
)
from tests.support.system.restartable_temporal import restartable_temporal
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
MORE_SERVERS = [*SERVERS, manifest("Server", "server-4", {"description": "number 4"})]
INTERVAL = 5


async def read_inventory(installation: Installation, fabric: Fabric) -> Inventory:
    """Read the ids of the fabric's objects in NetBox."""
    database, id_ = installation.stack.netbox.database, fabric.fabric_id
    return (await asyncio.to_thread(read_inventories, database, [id_]))[id_]


async def test_restored_netbox_gets_back_what_the_backup_lacks(installation: Installation) -> None:
    installation.overrides |= INVENTORY
    database = installation.stack.netbox.database
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL)
    read = partial(read_inventory, installation, fabric)
    async with installation.worker():
        await fabric.wait_for_status("in_sync")
        await fabric.wait_for_inventory_in_record()
    backup = await asyncio.to_thread(back_up, database)
    async with installation.worker():
        await asyncio.to_thread(fabric.repository.commit, {"fabric.yaml": in_yaml(MORE_SERVERS)})
        fabric.api.apply_all(MORE_SERVERS)
        await fabric.handle.execute_update(FabricSync.set_interval, 3600)
        await fabric.sync_fully()
        latest = await read()

    await asyncio.to_thread(restore, database, backup)
    assert (await read()).keys() < latest.keys()
    async with installation.worker():
        await wait_until(fabric.status, lambda status: status.sync_interval == INTERVAL)
        await fabric.sync_fully()
        assert (await read()).keys() == latest.keys()
        record = await fabric.wait_for_status("in_sync")
        assert record["sync_interval"] == INTERVAL
        assert (await fabric.status()).netbox_error == ""


async def test_new_record_of_a_deleted_fabric_has_its_id_and_its_inventory(
    installation: Installation,
) -> None:
    installation.overrides |= INVENTORY
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL)
    async with installation.worker():
        await fabric.wait_for_status("in_sync")
        await fabric.wait_for_inventory_in_record()
        before = await read_inventory(installation, fabric)
        await asyncio.to_thread(installation.admin.delete, CLUSTERS_PATH, fabric.record_id)
        await wait_for_end(fabric)
        fields = {
            "hh_sync_enabled": True,
            "hh_sync_interval": INTERVAL,
            "hh_kubernetes_server": fabric.api.server,
            "hh_git_repository": fabric.repository.url,
        }
        row = await asyncio.to_thread(installation.admin.create_record, fabric.fabric_id, fields)
        again = replace(fabric, record_id=row["id"])
        record = await again.wait_for_status("in_sync")
        assert record["fabric_id"] == fabric.fabric_id
        await again.sync_fully()
        assert await read_inventory(installation, again) == before


async def test_restored_temporal_continues_on_the_same_slots(
    installation: Installation, tmp_path: Path
) -> None:
    async with restartable_temporal(tmp_path) as server:
        async with server.up():
            client = await connect({"TEMPORAL_ADDRESS": server.address})
            here = replace(
                installation, client=client, overrides={"TEMPORAL_ADDRESS": server.address}
            )
            fabric = await here.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL)
            async with here.worker():
                owner = (await fabric.wait_for_status("in_sync"))["instance"]
                saved = await fabric.wait_for_syncs(2)
        copy_database(tmp_path, tmp_path / "backup")
        async with server.up():
            added = await here.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL)
            async with here.worker():
                await added.wait_for_status("in_sync")
                await fabric.wait_for_syncs(saved.syncs + 2)

        copy_database(tmp_path / "backup", tmp_path)
        async with server.up(), here.worker():
            status = await fabric.wait_for_syncs(saved.syncs + 3)
            assert saved.next_sync is not None
            assert status.next_sync is not None
            assert (status.next_sync - saved.next_sync).total_seconds() % INTERVAL == 0
            assert (status.sync_status, status.netbox_error) == ("in_sync", "")
            assert (await fabric.record())["instance"] == owner
            await wait_until_listed(client, added.handle.id)
            await added.wait_for_syncs(1)


def copy_database(source: Path, target: Path) -> None:
    """Replace the database of a stopped Temporal server by another one."""
    target.mkdir(exist_ok=True)
    for file in target.glob("temporal.db*"):
        file.unlink()
    for file in source.glob("temporal.db*"):
        shutil.copy(file, target)


async def test_fabric_is_in_error_until_its_credential_is_back(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL)
        await fabric.wait_for_status("in_sync")
        lost = fabric.credential.rename(fabric.credential.with_name("lost"))
        record = await fabric.wait_for_status("error")
        assert record["sync_error"].startswith("The Kubernetes API at ")
        lost.rename(fabric.credential)
        await fabric.wait_for_status("in_sync")
