"""The fleet on the real stack: each record keeps its loop and a correct status."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from activities.netbox.client import CLUSTERS_PATH, Row
from activities.search_attributes import DRIFT_ATTRIBUTE, NAME_ATTRIBUTE, STATUS_ATTRIBUTE
from tests.support.system.fleet import (
    EDIT_TIMEOUT_SECONDS,
    edit,
    first_run_id,
    fleet_handle,
    fleet_summary,
    only_these_run,
    request_round,
    wait_for_end,
)
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Installation,
    in_yaml,
    wait_until,
)
from tests.support.workflows.details import read_details
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


LATE_BY_DEFAULT = "berlin-dc9"
"""A fabric whose first sync would be 28.6 s after the start of its loop."""

SOON = timedelta(seconds=20)
"""Less than the default interval of rounds, or the default wait of that fabric."""


async def test_edit_in_netbox_takes_effect_as_soon_as_set(installation: Installation) -> None:
    fabric = await installation.named_fabric(
        LATE_BY_DEFAULT, IN_GIT, SERVERS, hh_sync_enabled=False, hh_sync_interval=3600
    )
    async with installation.worker():
        await fabric.wait_for_status("disabled", EDIT_TIMEOUT_SECONDS)
        edited = datetime.now(UTC)
        await edit(fabric, custom_fields={"hh_sync_enabled": True})
        await fabric.wait_for_status("in_sync")
        started = (await fabric.handle.describe()).start_time
        assert started - edited < SOON
        [report] = await fabric.history()
        assert report.started - started < SOON
        assert await only_these_run(installation.client, [fabric])


async def test_records_start_and_complete_loops(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_fabric_id=None, hh_sync_interval=3600)
    async with installation.worker_process(**INVENTORY) as worker:
        record = await fabric.wait_for_status("in_sync")
        assert record["fabric_id"] == fabric.fabric_id
        await edit(fabric, custom_fields={"hh_sync_enabled": False})
        await request_round(installation)
        assert await wait_for_end(fabric) == "disabled"
        await fabric.wait_for_status("disabled")
        await edit(fabric, custom_fields={"hh_sync_enabled": True})
        await request_round(installation)
        await fabric.wait_for_status("in_sync")
        await edit(fabric, status="planned")
        await request_round(installation)
        assert await wait_for_end(fabric) == "disabled"
        unreachable = {"hh_kubernetes_server": "https://127.0.0.1:1"}
        await edit(fabric, status="active", custom_fields=unreachable)
        await request_round(installation)
        await fabric.wait_for_status("error")
        await asyncio.to_thread(fabric.netbox.delete, CLUSTERS_PATH, fabric.record_id)
        await request_round(installation)
        assert await wait_for_end(fabric) == "record deleted"
        ending = "no longer synced here: its record was deleted"
        assert ending in await read_details(fabric.handle)
        attributes = (await fabric.handle.describe()).typed_search_attributes
        assert (
            attributes.get(NAME_ATTRIBUTE),
            attributes.get(STATUS_ATTRIBUTE),
            attributes.get(DRIFT_ATTRIBUTE),
        ) == (fabric.fabric_id, None, None)
    assert worker.returncode == 0


async def test_terminated_loop_and_fleet_start_again(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS)
    async with installation.worker():
        await fabric.wait_for_status("in_sync")
        before = await first_run_id(fabric)
        await fabric.handle.terminate()
        await fleet_handle(installation.client).terminate()
        await wait_until(
            partial(first_run_id, fabric), lambda run: run != before, EDIT_TIMEOUT_SECONDS
        )
        await fabric.wait_for_syncs(1)
        summary = await wait_until(
            partial(fleet_summary, installation),
            lambda summary: summary.loops == 1,
            EDIT_TIMEOUT_SECONDS,
        )
        assert (summary.states, summary.error, summary.problems) == ({"in_sync": 1}, "", ())


async def test_rename_changes_only_the_name(installation: Installation) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
    async with installation.worker():
        before = await fabric.wait_for_status("in_sync")
        await fabric.wait_for_syncs(2)
        run = await first_run_id(fabric)
        await edit(fabric, name="Bönn / DC 1")
        await request_round(installation)
        status = await wait_until(fabric.status, lambda status: status.name == "Bönn / DC 1")
        await fabric.wait_for_syncs(status.syncs + 2)

        async def attribute() -> str | None:
            return (await fabric.handle.describe()).typed_search_attributes.get(NAME_ATTRIBUTE)

        await wait_until(attribute, lambda name: name == "Bönn / DC 1")
        assert "Bönn / DC 1" in await read_details(fabric.handle)
        slots = [report.slot for report in await fabric.history() if report.slot]
        assert {(slot - slots[0]) % timedelta(seconds=5) for slot in slots} == {timedelta(0)}
        after = await fabric.record()
        times = {name: after[name] for name in ("last_sync", "last_success")}
        assert after == before | times
        assert await first_run_id(fabric) == run


async def test_shorter_interval_in_record_does_not_wait_for_the_old_timer(
    installation: Installation,
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
    async with installation.worker():
        await fabric.wait_for_status("in_sync")
        await edit(fabric, custom_fields={"hh_sync_interval": 5})
        await request_round(installation)
        status = await fabric.wait_for_syncs(3)
        assert status.sync_interval == 5


def is_restored(original: Row, record: Row) -> bool:
    """Return whether the record equals the original, except for the times."""
    return record == original | {name: record[name] for name in ("last_sync", "last_success")}


async def test_overwritten_status_is_corrected(
    installation: Installation,
) -> None:
    running = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
    off = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False)
    async with installation.worker():
        await off.wait_for_status("disabled")
        await wait_until(partial(only_these_run, installation.client, [running]), bool)
        await running.handle.signal(FabricSync.sync_now_by_signal)
        original = await running.wait_for_status("in_sync")
        await edit(off, custom_fields={"hh_sync_status": "in_sync"})
        for overwritten in (
            {"hh_sync_status": "error"},
            {"hh_sync_status": "out_of_sync", "hh_drift_count": 7},
            {"hh_sync_status": "syncing"},
            {"hh_sync_error": "Nothing of the kind."},
        ):
            await edit(running, custom_fields=overwritten)
            await request_round(installation)
            await wait_until(running.record, partial(is_restored, original))
        await off.wait_for_status("disabled")
