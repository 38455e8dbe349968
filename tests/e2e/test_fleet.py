"""The fleet on the real stack: whatever people do in NetBox, each record has its loop and a true status."""

import asyncio
from datetime import timedelta
from functools import partial

from activities.netbox.client import CLUSTERS_PATH, Row
from activities.search_attributes import DRIFT_ATTRIBUTE, NAME_ATTRIBUTE, STATUS_ATTRIBUTE
from tests.support.system.fleet import SOON, edit, ended, fleet_of, look, loops_of, run_id, summary
from tests.support.system.installation import SERVERS, Installation, in_yaml, shown, until
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def test_an_edit_in_netbox_counts_soon(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    async with installation.worker():
        await fabric.recorded("disabled", SOON)
        await edit(fabric, custom_fields={"hh_sync_enabled": True})
        await until(fabric.record, lambda record: shown(record) != "disabled", SOON)
        await until(partial(loops_of, installation.client, [fabric]), bool)
        await fabric.recorded("in_sync")


async def test_records_alone_start_and_end_loops(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None, hh_sync_interval=3600)
    async with installation.worker():
        record = await fabric.recorded("in_sync")
        assert record["fabric_id"] == fabric.fabric_id
        await edit(fabric, custom_fields={"hh_sync_enabled": False})
        await look(installation)
        assert await ended(fabric) == "disabled"
        await fabric.recorded("disabled")
        await edit(fabric, custom_fields={"hh_sync_enabled": True})
        await look(installation)
        await fabric.recorded("in_sync")
        await edit(fabric, status="planned")
        await look(installation)
        assert await ended(fabric) == "disabled"
        elsewhere = {"hh_kubernetes_server": "https://127.0.0.1:1"}
        await edit(fabric, status="active", custom_fields=elsewhere)
        await look(installation)
        await fabric.recorded("error")
        await asyncio.to_thread(fabric.netbox.delete, CLUSTERS_PATH, fabric.record_id)
        await look(installation)
        assert await ended(fabric) == "record deleted"
        details = await fabric.handle.query("__temporal_workflow_metadata", result_type=object)
        assert "no longer synced here: its record was deleted" in str(details)
        left = (await fabric.handle.describe()).typed_search_attributes
        assert (
            left.get(NAME_ATTRIBUTE),
            left.get(STATUS_ATTRIBUTE),
            left.get(DRIFT_ATTRIBUTE),
        ) == (fabric.fabric_id, None, None)


async def test_what_was_terminated_comes_back(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    async with installation.worker():
        await fabric.recorded("in_sync")
        before = await run_id(fabric)
        await fabric.handle.terminate()
        await fleet_of(installation.client).terminate()
        await until(partial(run_id, fabric), lambda run: run != before, SOON)
        await fabric.synced(1)
        told = await until(partial(summary, installation), lambda told: told.loops == 1, SOON)
        assert (told.states, told.error, told.problems) == ({"in_sync": 1}, "", ())


async def test_a_new_name_is_all_that_a_rename_changes(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
    async with installation.worker():
        before = await fabric.recorded("in_sync")
        await fabric.synced(2)
        run = await run_id(fabric)
        await edit(fabric, name="Bönn / DC 1")
        await look(installation)
        status = await until(fabric.status, lambda status: status.name == "Bönn / DC 1")
        await fabric.synced(status.syncs + 2)

        async def attribute() -> str | None:
            return (await fabric.handle.describe()).typed_search_attributes.get(NAME_ATTRIBUTE)

        await until(attribute, lambda name: name == "Bönn / DC 1")
        details = await fabric.handle.query("__temporal_workflow_metadata", result_type=object)
        assert "Bönn / DC 1" in str(details)
        slots = [report.slot for report in await fabric.history() if report.slot]
        assert {(slot - slots[0]) % timedelta(seconds=5) for slot in slots} == {timedelta(0)}
        after = await fabric.record()
        times = {name: after[name] for name in ("last_sync", "last_success")}
        assert after == before | times
        assert await run_id(fabric) == run


async def test_a_shorter_interval_in_the_record_does_not_wait_for_the_old_timer(
    installation: Installation,
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
    async with installation.worker():
        await fabric.recorded("in_sync")
        await edit(fabric, custom_fields={"hh_sync_interval": 5})
        await look(installation)
        status = await fabric.synced(3)
        assert status.sync_interval == 5


def is_again(true: Row, record: Row) -> bool:
    """Whether the record shows what it did, but for the times."""
    return record == true | {name: record[name] for name in ("last_sync", "last_success")}


async def test_a_status_that_somebody_has_overwritten_is_put_right(
    installation: Installation,
) -> None:
    running = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
    off = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    async with installation.worker():
        await off.recorded("disabled")
        await until(partial(loops_of, installation.client, [running]), bool)
        await running.handle.signal(FabricSync.sync_now_by_signal)
        true = await running.recorded("in_sync")
        await edit(off, custom_fields={"hh_sync_status": "in_sync"})
        for lie in (
            {"hh_sync_status": "error"},
            {"hh_sync_status": "out_of_sync", "hh_drift_count": 7},
            {"hh_sync_status": "syncing"},
            {"hh_sync_error": "Nothing of the kind."},
        ):
            await edit(running, custom_fields=lie)
            await look(installation)
            await until(running.record, partial(is_again, true))
        await off.recorded("disabled")
