"""Records with values of no use: each says so itself, and none keeps another from being synced."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from activities.netbox.client import CLUSTER_TYPES_PATH, CLUSTERS_PATH, NetBox
from activities.netbox.http import BadRequest
from activities.setup.fields import CUSTOM_FIELDS
from tests.support.system.fleet import changed, edit, look, looked, loops_of, rows
from tests.support.system.installation import SERVERS, Installation, in_yaml, shown, until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
TOO_SHORT, NO_PORT = 3, "https://127.0.0.1:99999"


async def field(netbox: NetBox, name: str) -> int:
    """The number of a custom field."""
    found = await asyncio.to_thread(rows, netbox, CUSTOM_FIELDS)
    return int(next(row["id"] for row in found if row["name"] == name))


async def test_each_invalid_record_is_reported_on_itself_alone(installation: Installation) -> None:
    good = [
        await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=interval)
        for interval in (5, None, 2_592_000)
    ]
    off = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=0)
    short = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=TOO_SHORT)
    unreachable = await installation.fabric(IN_GIT, SERVERS, hh_kubernetes_server=NO_PORT)
    nowhere = await installation.fabric(IN_GIT, SERVERS, hh_kubernetes_server=None)
    async with installation.worker():
        for fabric in good:
            await fabric.recorded("in_sync")
        await off.recorded("disabled")
        await nowhere.recorded("not_configured")
        for fabric, name in ((short, "hh_sync_interval"), (unreachable, "hh_kubernetes_server")):
            record = await fabric.recorded("error")
            assert record["sync_error"].startswith(name)
        assert (await short.status()).sync_interval == 300
        told = await looked(installation)
        assert told.states == {"disabled": 1, "error": 2, "in_sync": 3, "not_configured": 1}
        assert (told.error, told.problems) == ("", ())
        assert await loops_of(installation.client, [*good, short, unreachable])
        await edit(short, custom_fields={"hh_sync_interval": 5})
        await look(installation)
        record = await short.recorded("in_sync")
        assert not record["sync_error"]


async def test_records_of_one_name_are_two_fabrics(installation: Installation) -> None:
    twins = [await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None) for _ in range(2)]
    for twin in twins:
        await edit(twin, name="Berlin DC 1", custom_fields={"hh_credentials": twin.fabric_id})
    async with installation.worker():
        records = [await twin.recorded("in_sync") for twin in twins]
        assert {record["fabric_id"] for record in records} == {"berlin-dc-1", "berlin-dc-1-2"}


async def test_an_id_that_a_cluster_of_another_type_has_is_not_given_again(
    installation: Installation,
) -> None:
    netbox = installation.admin
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None)
    await edit(fabric, name="Archived DC", custom_fields={"hh_credentials": fabric.fabric_id})
    archive = await asyncio.to_thread(
        netbox.create, CLUSTER_TYPES_PATH, {"name": "Archive", "slug": "archive"}
    )
    archived = {
        "name": "Archived DC",
        "type": archive["id"],
        "custom_fields": {"hh_fabric_id": "archived-dc"},
    }
    await asyncio.to_thread(netbox.create, CLUSTERS_PATH, archived)
    async with installation.worker():
        assert (await fabric.recorded("in_sync"))["fabric_id"] == "archived-dc-2"


async def test_a_fabric_id_is_refused_that_is_taken_or_none(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    for fabric_id in (fabric.fabric_id, "Berlin DC"):
        with pytest.raises(BadRequest, match="hh_fabric_id"):
            await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=fabric_id)


async def test_ids_that_slip_past_netbox_harm_nobody_else(installation: Installation) -> None:
    """Somebody has loosened the field, so that one record has another's id and one has none."""
    netbox = installation.admin
    fabric_id = await field(netbox, "hh_fabric_id")
    async with AsyncExitStack() as loosened:
        loose = changed(netbox, CUSTOM_FIELDS, fabric_id, unique=False, validation_regex="")
        await loosened.enter_async_context(loose)
        good = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        doubled = await installation.fabric(IN_GIT, SERVERS)
        again = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=doubled.fabric_id)
        no_id = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id="Berlin DC")
        try:
            async with installation.worker():
                await good.recorded("in_sync")
                record = await no_id.recorded("error")
                assert record["sync_error"].startswith("hh_fabric_id is 'Berlin DC'")
                told = await looked(installation)
                both, unusable = sorted(told.problems, key=lambda problem: "Berlin" in problem)
                assert doubled.fabric_id in both
                assert "hh_fabric_id is 'Berlin DC'" in unusable
                assert await loops_of(installation.client, [good])
                assert shown(await doubled.record()) is None
                await edit(again, custom_fields={"hh_fabric_id": None})
                await look(installation)
                await doubled.recorded("in_sync")
                other = await until(again.record, lambda record: record["fabric_id"])
                assert other["fabric_id"] == again.fabric_id
        finally:
            await edit(no_id, custom_fields={"hh_fabric_id": None})
