"""`adopt`: what people offer becomes the fabric's, once somebody has agreed to it."""

import asyncio

import pytest

from activities.netbox.client import Row
from fabrics.inventory.model.ownership import TAG_SLUG
from tests.support.cli.command_line import CommandLine
from tests.support.netbox.fabric_inventory import CHANGES
from tests.support.system.installation import SERVERS, Installation, in_yaml

DEVICES = "dcim/devices"
BY_HAND = ("server-2", "server-3")


@pytest.fixture(autouse=True)
def mirrored(installation: Installation) -> None:
    """Workers mirror what runs."""
    installation.changes["FABRIC_SYNC_INVENTORY"] = "true"


def device(installation: Installation, number: int) -> Row:
    """A device as it is now."""
    [row] = (
        each for each in installation.admin.list_rows(DEVICES, id=number) if each["id"] == number
    )
    return row


def by_hand(installation: Installation, fabric_id: str) -> dict[str, int]:
    """Devices that a person makes in the fabric's site, of the sort that the fabric has there; their ids."""
    [ours] = installation.admin.list_rows(DEVICES, site=fabric_id)
    sort = {name: ours[name]["id"] for name in ("site", "role", "device_type")}
    return {
        name: installation.admin.create(DEVICES, {"name": name, **sort})["id"] for name in BY_HAND
    }


def last_change(installation: Installation) -> int:
    """The latest row of NetBox's changelog that is about devices."""
    rows = installation.admin.list_rows(CHANGES, fields="id", changed_object_type="dcim.device")
    return max(int(row["id"]) for row in rows)


async def test_what_is_offered_is_adopted_and_nothing_else(
    installation: Installation, starter: CommandLine
) -> None:
    manifests = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(manifests, SERVERS[:1], hh_sync_interval=3600)
    name = fabric.fabric_id
    async with installation.worker():
        await installation.start(fabric)
        await fabric.synced(1)
        ids = await asyncio.to_thread(by_hand, installation, name)
        theirs = [device(installation, number) for number in ids.values()]
        fabric.api.apply_all(SERVERS)
        await starter("sync", name)
        found = await starter("inventory", name, "--json")
        assert (found.code, found.json["report"]["problems"]) == (1, {"conflict": 2})
        assert (await starter("adopt", name, "--yes")).refused("Nothing is offered to")

        tag = {"tags": [{"slug": TAG_SLUG}]}
        installation.admin.update(DEVICES, ids["server-2"], tag)
        await starter("sync", name)
        offered = await starter("inventory", name)
        assert offered.code == 1
        assert "1 offered for adoption" in offered.out
        assert "tagged hedgehog-sync: it can be adopted" in offered.out
        assert (await starter("adopt", name)).refused("give --yes")
        declined = await starter.answered("n", "adopt", name)
        assert declined.code == 130
        assert "Server/default/server-2" in declined.err
        assert "server-3" not in declined.err
        assert device(installation, ids["server-2"])["custom_fields"]["hh_fabric"] is None

        adopted = await starter("adopt", name, "--yes", "--json")
        assert (adopted.code, adopted.json["adopted"]) == (0, 1)
        assert adopted.json["report"]["problems"] == {"conflict": 1}
        ours = device(installation, ids["server-2"])
        assert ours["custom_fields"]["hh_fabric"] == name
        assert ours["custom_fields"]["hh_key"] == "Server/default/server-2"
        assert ours["description"] == "number 2"
        assert device(installation, ids["server-3"]) == theirs[1]

        before = last_change(installation)
        synced = await starter("sync", name, "--full", "--json")
        written = synced.json["report"]["inventory"]
        assert (written["created"], written["updated"], written["adopted"]) == (0, 0, 0)
        assert last_change(installation) == before
        assert (await starter("adopt", name)).refused("Nothing is offered to")
    installation.admin.delete(DEVICES, ids["server-3"])


async def test_a_person_is_asked_and_told(installation: Installation, starter: CommandLine) -> None:
    manifests = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(manifests, SERVERS[:1], hh_sync_interval=3600)
    async with installation.worker():
        await installation.start(fabric)
        await fabric.synced(1)
        ids = await asyncio.to_thread(by_hand, installation, fabric.fabric_id)
        for number in ids.values():
            installation.admin.update(DEVICES, number, {"tags": [{"slug": TAG_SLUG}]})
        fabric.api.apply_all(SERVERS)
        await starter("sync", fabric.fabric_id)
        agreed = await starter.answered("y", "adopt", fabric.fabric_id)
        assert agreed.code == 0
        assert "change these objects from now on" in agreed.err
        assert "2 adopted." in agreed.err
        assert "offered" not in agreed.out
        assert (await starter("inventory", fabric.fabric_id)).code == 0
    for number in ids.values():
        assert device(installation, number)["custom_fields"]["hh_fabric"] == fabric.fabric_id
    assert (await starter("adopt", fabric.fabric_id)).refused("No worker takes work")
