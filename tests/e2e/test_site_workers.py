"""A site behind a firewall: its fabrics are read by the worker there, and it is said when there is none."""

from functools import partial

from activities.netbox.client import Row
from activities.queues import QueueActivities
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, shown, until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}

NO_WAY_OUT = "http://127.0.0.1:1"
"""A proxy that is not there: a worker that is told to use it has everything but a way to the API."""


async def test_the_worker_at_the_site_reads_what_others_cannot(installation: Installation) -> None:
    site = f"{installation.queue}-oslo"
    at_site = ("--task-queue", site, "--activities-only")
    async with installation.worker(HTTPS_PROXY=NO_WAY_OUT):
        fabric = await installation.fabric(IN_GIT, SERVERS)
        await installation.start(fabric)
        record = await fabric.recorded("error")
        assert f"{fabric.api.server} cannot be reached through the proxy" in record["sync_error"]
        await move(installation, fabric, site)
        await until(fabric.record, partial(misses_worker, site))
        async with installation.worker(*at_site):
            await fabric.recorded("in_sync")
            assert (await fabric.status()).connection_status == "connected"
        await until(fabric.record, partial(misses_worker, site))


async def test_a_busy_site_is_waited_for(installation: Installation) -> None:
    site = f"{installation.queue}-oslo"
    one_slot = {
        "FABRIC_SYNC_CONCURRENT_OBSERVES": "1",
        "FABRIC_SYNC_ANSWER_TIMEOUT": "50",
        "FABRIC_SYNC_READ_TIMEOUT": "50",
    }
    async with (
        installation.worker(),
        installation.worker("--task-queue", site, "--activities-only", **one_slot) as busy,
    ):
        hanging = await installation.fabric(IN_GIT, SERVERS, hh_task_queue=site)
        assert isinstance(hanging.api, EmulatedKubernetesApi)
        api = hanging.api
        api.inject_fault(Fault(0))
        await installation.start(hanging)
        await until(partial(requests, api), bool)
        waiting = await installation.fabric(IN_GIT, SERVERS, hh_task_queue=site)
        await installation.start(waiting)
        await until(partial(questions, waiting), bool)
        status = await waiting.status()
        assert (status.syncs, status.sync_status, status.sync_error) == (0, "syncing", "")
        await waiting.synced(1)
        first, *_ = await waiting.history()
        assert (first.sync_status, first.error) == ("in_sync", "")
        busy.kill()  # it would finish what hangs


async def move(installation: Installation, fabric: Fabric, site: str) -> None:
    """Have the site's workers read the fabric."""

    def change(_: Row) -> Row:
        return {"hh_task_queue": site}

    installation.admin.update_record(fabric.record_id, change)
    await fabric.handle.signal("record_changed")


def misses_worker(site: str, record: Row) -> bool:
    """Whether the record says that nobody works for the site."""
    missing = f'No worker takes work from the task queue "{site}"' in (record["sync_error"] or "")
    return missing and shown(record) == "error"


async def requests(api: EmulatedKubernetesApi) -> int:
    """How many it has had."""
    return len(api.request_paths)


async def questions(fabric: Fabric) -> int:
    """How often Temporal has said whether the fabric's site has a worker."""
    asked = set()
    answered = 0
    async for event in fabric.handle.fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == QueueActivities.has_worker.__name__:
            asked.add(event.event_id)
        completed = event.activity_task_completed_event_attributes
        answered += completed.scheduled_event_id in asked
    return answered
