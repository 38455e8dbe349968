"""An invalid record reports its own error and does not affect other fabrics."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from activities.netbox.client import CLUSTER_TYPES_PATH, CLUSTERS_PATH, NetBox
from activities.netbox.http import BadRequest
from activities.setup.fields import CUSTOM_FIELDS
from tests.support.system.fleet import (
    edit,
    list_all,
    only_these_run,
    request_round,
    temporarily_changed,
    wait_for_round,
)
from tests.support.system.installation import (
    SERVERS,
    Installation,
    in_yaml,
    shown_status,
    wait_until,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
TOO_SHORT, NO_PORT = 3, "https://127.0.0.1:99999"


async def field(netbox: NetBox, name: str) -> int:
    """Return the id of a custom field."""
    rows = await asyncio.to_thread(list_all, netbox, CUSTOM_FIELDS)
    return int(next(row["id"] for row in rows if row["name"] == name))


async def test_invalid_record_reports_only_its_own_error(installation: Installation) -> None:
    good = [
        await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=interval)
        for interval in (5, None, 2_592_000)
    ]
    off = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=0)
    short = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=TOO_SHORT)
    unreachable = await installation.fabric(IN_GIT, SERVERS, hh_kubernetes_server=NO_PORT)
    unconfigured = await installation.fabric(IN_GIT, SERVERS, hh_kubernetes_server=None)
    async with installation.worker():
        for fabric in good:
            await fabric.wait_for_status("in_sync")
        await off.wait_for_status("disabled")
        await unconfigured.wait_for_status("not_configured")
        for fabric, name in ((short, "hh_sync_interval"), (unreachable, "hh_kubernetes_server")):
            record = await fabric.wait_for_status("error")
            assert record["sync_error"].startswith(name)
        assert (await short.status()).sync_interval == 300
        summary = await wait_for_round(installation)
        assert summary.states == {"disabled": 1, "error": 2, "in_sync": 3, "not_configured": 1}
        assert (summary.error, summary.problems) == ("", ())
        assert await only_these_run(installation.client, [*good, short, unreachable])
        await edit(short, custom_fields={"hh_sync_interval": 5})
        await request_round(installation)
        record = await short.wait_for_status("in_sync")
        assert not record["sync_error"]


async def test_records_with_the_same_name_are_two_fabrics(installation: Installation) -> None:
    twins = [await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None) for _ in range(2)]
    for twin in twins:
        await edit(twin, name="Berlin DC 1", custom_fields={"hh_credentials": twin.fabric_id})
    async with installation.worker():
        records = [await twin.wait_for_status("in_sync") for twin in twins]
        assert {record["fabric_id"] for record in records} == {"berlin-dc-1", "berlin-dc-1-2"}


async def test_id_of_a_cluster_of_another_type_is_not_reused(
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
        assert (await fabric.wait_for_status("in_sync"))["fabric_id"] == "archived-dc-2"


async def test_netbox_refuses_a_taken_or_invalid_fabric_id(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    for fabric_id in (fabric.fabric_id, "Berlin DC"):
        with pytest.raises(BadRequest, match="hh_fabric_id"):
            await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=fabric_id)


async def test_duplicate_and_invalid_ids_affect_no_other_fabric(installation: Installation) -> None:
    """Without the field's rules, two records share an id and one has an invalid id."""
    netbox = installation.admin
    fabric_id = await field(netbox, "hh_fabric_id")
    async with AsyncExitStack() as loosened:
        loose = temporarily_changed(
            netbox, CUSTOM_FIELDS, fabric_id, unique=False, validation_regex=""
        )
        await loosened.enter_async_context(loose)
        good = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        doubled = await installation.fabric(IN_GIT, SERVERS)
        again = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=doubled.fabric_id)
        no_id = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id="Berlin DC")
        try:
            async with installation.worker():
                await good.wait_for_status("in_sync")
                record = await no_id.wait_for_status("error")
                assert record["sync_error"].startswith("hh_fabric_id is 'Berlin DC'")
                summary = await wait_for_round(installation)
                both, unusable = sorted(summary.problems, key=lambda problem: "Berlin" in problem)
                assert doubled.fabric_id in both
                assert "hh_fabric_id is 'Berlin DC'" in unusable
                assert await only_these_run(installation.client, [good])
                assert shown_status(await doubled.record()) is None
                await edit(again, custom_fields={"hh_fabric_id": None})
                await request_round(installation)
                await doubled.wait_for_status("in_sync")
                other = await wait_until(again.record, lambda record: record["fabric_id"])
                assert other["fabric_id"] == again.fabric_id
        finally:
            await edit(no_id, custom_fields={"hh_fabric_id": None})
