"""Somebody moves a fabric to another site in NetBox's form, and its devices follow."""

import asyncio
from collections.abc import Mapping
from functools import partial

from fabrics.inventory.report.report import InventoryReport
from tests.support.netbox.browser import Browser
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until

type Places = Mapping[str, tuple[int, str]]
"""The id and the site of each device, by its name."""


async def places(installation: Installation, fabric: Fabric) -> Places:
    """Where NetBox shows the fabric's devices."""
    rows = await asyncio.to_thread(
        lambda: list(installation.admin.list_rows("dcim/devices", cf_hh_fabric=fabric.fabric_id))
    )
    return {row["name"]: (row["id"], row["site"]["slug"]) for row in rows}


def move(installation: Installation, fabric: Fabric, site: int) -> None:
    """Save the record's form with this site."""
    browser = Browser(installation.stack)
    browser.open_form({"id": fabric.record_id})
    assert browser.save("main", hh_site=str(site))
    browser.close()


async def test_devices_follow_a_site_that_somebody_chooses(installation: Installation) -> None:
    installation.changes["FABRIC_SYNC_INVENTORY"] = "true"
    fabric = await installation.fabric({"fabric.yaml": in_yaml(SERVERS)}, SERVERS)
    id_, seen = fabric.fabric_id, partial(places, installation, fabric)
    hall = {"name": f"Hall of {id_}", "slug": f"hall-{id_}", "status": "active"}
    site = installation.admin.create("dcim/sites", hall)
    async with installation.worker():
        await installation.start(fabric)
        await fabric.synced(3)  # by then the journal has its entry, which upsets forms
        before = await seen()
        assert {slug for _, slug in before.values()} == {id_}
        await asyncio.to_thread(move, installation, fabric, site["id"])
        moved = {f"{id_}-{name}": (number, f"hall-{id_}") for name, (number, _) in before.items()}
        await until(seen, lambda there: there == moved, seconds=90)
        await until(partial(written, fabric), lambda reports: any(r.deleted for r in reports), 90)
        reports = [report for report in await written(fabric) if report.has_changes][1:]
        assert [(each.created, each.updated, each.deleted) for each in reports] == [
            *((0, len(SERVERS), 0), (0, 0, 1))
        ]


async def written(fabric: Fabric) -> list[InventoryReport]:
    """What its syncs made of the inventory."""
    return [report.inventory for report in await fabric.history() if report.inventory]
