"""Remote workers read the fabrics of their queue; a missing worker is an error."""

import asyncio
from functools import partial

from activities.netbox.client import Row
from activities.queues import QueueActivities
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.record.sync_status import InventoryState
from fabrics.record.task_queues import inventory_queue
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.netbox.fault_proxy import run_fault_proxy
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    shown_status,
    wait_until,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}

DEAD_PROXY = "http://127.0.0.1:1"
"""A proxy that does not exist: a worker with it reaches everything except the API."""


async def test_remote_worker_reads_the_fabrics_of_its_queue(installation: Installation) -> None:
    queue = f"{installation.queue}-oslo"
    async with installation.worker_process(HTTPS_PROXY=DEAD_PROXY):
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        await installation.start(fabric)
        record = await fabric.wait_for_status("error")
        assert (
            f"{fabric.api.server} cannot be reached through the worker's proxy"
            in record["sync_error"]
        )
        await move(installation, fabric, queue)
        await wait_until(fabric.record, partial(reports_missing_worker, queue))
        async with installation.worker_process("--task-queue", queue, "--activities-only"):
            await fabric.wait_for_status("in_sync")
            assert (await fabric.status()).connection_status == "connected"
        await wait_until(fabric.record, partial(reports_missing_worker, queue))


async def test_sync_waits_for_a_busy_remote_worker(installation: Installation) -> None:
    queue = f"{installation.queue}-oslo"
    one_slot = {
        "FABRIC_SYNC_CONCURRENT_OBSERVES": "1",
        "FABRIC_SYNC_ANSWER_TIMEOUT": "250",
        "FABRIC_SYNC_READ_TIMEOUT": "250",
    }
    fields = {"hh_task_queue": queue, "hh_sync_interval": 300}  # an attempt may last one interval
    async with (
        installation.worker(),
        installation.site_worker(queue, **one_slot),
    ):
        hanging = await installation.fabric(IN_GIT, SERVERS, **fields)
        assert isinstance(hanging.api, EmulatedKubernetesApi)
        api = hanging.api
        api.inject_fault(Fault(0))
        await installation.start(hanging)
        await wait_until(partial(count_requests, api), bool)
        waiting = await installation.fabric(IN_GIT, SERVERS, **fields)
        await installation.start(waiting)
        await wait_until(partial(count_worker_checks, waiting), bool)
        status = await waiting.status()
        assert (status.syncs, status.sync_status, status.sync_error) == (0, "syncing", "")
        api.clear_faults()
        await waiting.wait_for_syncs(1)
        first, *_ = await waiting.history()
        assert (first.sync_status, first.error) == ("in_sync", "")


async def test_site_worker_writes_the_inventory_without_the_main_worker(
    installation: Installation,
) -> None:
    queue = f"{installation.queue}-oslo"
    async with (
        run_fault_proxy(installation.stack.netbox.url) as proxy,
        installation.worker(**INVENTORY, FABRIC_SYNC_NETBOX_URL=proxy.url),
        installation.site_worker(queue),
    ):
        fabric = await installation.fabric(
            IN_GIT, SERVERS, hh_task_queue=queue, hh_sync_interval=3600
        )
        await installation.start(fabric)
        inventory = await fabric.wait_for_inventory()
        assert (inventory.state, inventory.failure) == (InventoryState.UP_TO_DATE, "")
        names = await asyncio.to_thread(list_device_names, installation, fabric)
        assert names == {server["metadata"]["name"] for server in SERVERS}
        assert proxy.rows_received == 0, "the main worker writes only the record"
        assert await list_pass_queues(installation, fabric) == [inventory_queue(queue)]


def list_device_names(installation: Installation, fabric: Fabric) -> set[str]:
    """Return the names of the fabric's devices in NetBox."""
    rows = installation.admin.list_rows("dcim/devices", cf_hh_fabric=fabric.fabric_id)
    return {row["name"] for row in rows}


async def list_pass_queues(installation: Installation, fabric: Fabric) -> list[str]:
    """Return the queue of each activity of the latest pass that writes the inventory."""
    latest = installation.client.get_workflow_handle(inventory_workflow_id(fabric.fabric_id))
    scheduled = [
        event.activity_task_scheduled_event_attributes
        async for event in latest.fetch_history_events()
    ]
    return [
        activity.task_queue.name
        for activity in scheduled
        if activity.activity_type.name == "update_inventory"
    ]


async def move(installation: Installation, fabric: Fabric, queue: str) -> None:
    """Move the fabric to the remote queue."""

    def change(_: Row) -> Row:
        return {"hh_task_queue": queue}

    await asyncio.to_thread(installation.admin.update_record, fabric.record_id, change)
    await fabric.handle.signal("record_changed")


def reports_missing_worker(queue: str, record: Row) -> bool:
    """Return whether the record reports that the queue has no worker."""
    missing = f'No worker takes work from the task queue "{queue}"' in (record["sync_error"] or "")
    return missing and shown_status(record) == "error"


async def count_requests(api: EmulatedKubernetesApi) -> int:
    """Return the number of requests so far."""
    return len(api.request_paths)


async def count_worker_checks(fabric: Fabric) -> int:
    """Return the number of completed checks for a worker on the fabric's queue."""
    asked = set()
    answered = 0
    async for event in fabric.handle.fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == QueueActivities.has_worker.__name__:
            asked.add(event.event_id)
        completed = event.activity_task_completed_event_attributes
        answered += completed.scheduled_event_id in asked
    return answered
