"""A change of a fabric's site in NetBox's form moves its devices, too."""

import asyncio
from collections.abc import Mapping
from functools import partial

from fabrics.inventory.report.report import InventoryReport
from tests.support.netbox.browser import Browser
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    wait_until,
)
from workflows.fabric_sync import FabricSync

type DeviceSites = Mapping[str, tuple[int, str]]
"""The id and the site of each device, by its name."""


async def get_device_sites(installation: Installation, fabric: Fabric) -> DeviceSites:
    """Return the id and site of each of the fabric's devices in NetBox."""
    rows = await asyncio.to_thread(
        lambda: list(installation.admin.list_rows("dcim/devices", cf_hh_fabric=fabric.fabric_id))
    )
    return {row["name"]: (row["id"], row["site"]["slug"]) for row in rows}


def move(installation: Installation, fabric: Fabric, site: int) -> None:
    """Choose this site in the record's form, and save it."""
    browser = Browser(installation.stack)
    browser.open_form({"id": fabric.record_id})
    assert browser.save("main", hh_site=str(site))
    browser.close()


async def test_devices_move_to_the_new_site(installation: Installation) -> None:
    installation.overrides |= INVENTORY
    fabric = await installation.fabric(
        {"fabric.yaml": in_yaml(SERVERS)}, SERVERS, hh_sync_interval=5
    )
    fabric_id, read_places = fabric.fabric_id, partial(get_device_sites, installation, fabric)
    hall = {"name": f"Hall of {fabric_id}", "slug": f"hall-{fabric_id}", "status": "active"}
    site = installation.admin.create("dcim/sites", hall)
    async with installation.worker():
        await installation.start(fabric)
        # The next sync begins once the record is as the pass has left it; from then on nothing is written.
        await fabric.wait_for_inventory_in_record()
        await fabric.wait_for_syncs((await fabric.status()).syncs + 1)
        before = await read_places()
        assert {slug for _, slug in before.values()} == {fabric_id}
        await asyncio.to_thread(move, installation, fabric, site["id"])
        reports = await wait_until(
            partial(sync, fabric), lambda reports: any(report.deleted for report in reports)
        )
        assert [(report.created, report.updated, report.deleted) for report in reports[1:]] == [
            *((0, len(SERVERS), 0), (0, 0, 1))
        ]
        assert await read_places() == {
            f"{fabric_id}-{name}": (number, f"hall-{fabric_id}")
            for name, (number, _) in before.items()
        }


async def sync(fabric: Fabric) -> list[InventoryReport]:
    """Sync now, and return the reports of all changes of the inventory so far."""
    await fabric.handle.execute_update(FabricSync.sync_now, False)
    reports = [report.inventory for report in await fabric.history()]
    return [report for report in reports if report and report.has_changes]
