"""A long first load shows its progress and survives the end of workers."""

import asyncio
import signal
from functools import partial
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflow.v1 import PendingActivityInfo

from cli.fabrics.fleet_view import MAX_QUERIED_LOOPS
from fabrics.loop.loop import workflow_id
from stack.demo.fabrics import SAMPLE_FABRICS
from tests.support.cli.command_line import CommandLine
from tests.support.inventory.live_samples import OWN
from tests.support.paths import HEDGEHOG
from tests.support.system.first_load import Load, Sample, first_load, real_sample
from tests.support.system.fleet import running_loops
from tests.support.system.installation import Installation, shown_status, wait_until
from tests.support.workflows.details import read_details
from workflows.activity_calls import HEARTBEAT_TIMEOUT

KILLS = 3

PATIENT = {
    "FABRIC_SYNC_GRACEFUL_SHUTDOWN": "0",
    "FABRIC_SYNC_NETBOX_TIMEOUT": "300",  # longer than answers are held back
}


def sample() -> Sample:
    """Return a real fabric of 109 objects, or the demo's largest without samples."""
    if HEDGEHOG.is_dir():
        return real_sample("gateway-externals")
    own = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "berlin-dc1")
    files = {path.name: path.read_text() for path in own.directory.rglob("*.yaml")}
    return Sample(files, next(candidate for candidate in OWN if candidate.name == own.name).items())


async def test_first_load_survives_stopped_and_killed_workers(
    installation: Installation,
) -> None:
    async with first_load(installation, sample()) as load:
        await start_many_loops(installation)
        async with installation.worker_process(**PATIENT) as worker:
            await load.proxy.wait_for_rows(sum(load.objects.values()) // 4)
            load.proxy.released.clear()
            await check_progress_is_visible(load)
            worker.send_signal(signal.SIGTERM)
            await wait_until(
                partial(asyncio.to_thread, has_begun_to_stop, installation.folder), bool
            )
            load.proxy.released.set()
            assert await asyncio.to_thread(worker.wait, 30) == 0
        await wait_until(
            load.pending_update, was_handed_over, HEARTBEAT_TIMEOUT.total_seconds() - 1
        )
        await load.kill_workers(KILLS)
        async with installation.worker():
            await load.check_completes()


async def test_first_load_stops_when_disabled_and_continues_when_enabled(
    installation: Installation,
) -> None:
    async with first_load(installation, sample()) as load, installation.worker():
        name, starter = load.fabric.fabric_id, command_line(load)
        await load.proxy.wait_for_rows(1)
        load.proxy.released.clear()
        switching = asyncio.create_task(starter("disable", name))
        await wait_until(load.fabric.record, lambda record: not record["sync_enabled"])
        load.proxy.released.set()
        assert (await switching).code == 0
        assert await asyncio.wait_for(load.fabric.handle.result(), 60) == "disabled"
        assert shown_status(await load.fabric.record()) == "disabled"
        written = load.proxy.rows_received
        assert written < sum(load.objects.values())
        status = await starter("status", name, "--json")
        assert status.fabric["sync_status"] == "disabled"
        assert load.proxy.rows_received == written  # no worker continues
        assert (await starter("enable", name)).code == 0
        await load.check_completes()


def command_line(load: Load) -> CommandLine:
    """Return the command line, which reaches NetBox without the proxy."""
    netbox = load.installation.stack.netbox
    return CommandLine(load.installation.variables).with_(FABRIC_SYNC_NETBOX_URL=netbox.url)


def has_begun_to_stop(folder: Path) -> bool:
    """Return whether the worker sends NetBox no more than it has sent.

    It ends itself after some seconds, in which a slow NetBox does not answer another request.
    """
    return any("before cancelling activities" in log.read_text() for log in folder.glob("*.log"))


def was_handed_over(writing: PendingActivityInfo | None) -> bool:
    """Return whether the worker failed the attempt before a heartbeat timeout."""
    return writing is not None and writing.attempt == 2


async def check_progress_is_visible(load: Load) -> None:
    """Check the progress while NetBox answers later than a heartbeat timeout."""
    since = await wait_until(load.pending_update, has_progress)
    assert since is not None

    def has_later_heartbeat(writing: PendingActivityInfo | None) -> bool:
        return writing is not None and is_later(
            writing.last_heartbeat_time, since.last_heartbeat_time
        )

    still = await wait_until(load.pending_update, has_later_heartbeat, 30)
    assert still is not None
    assert still.attempt == 1
    await load.fabric.wait_for_status("in_sync")
    await load.fabric.wait_for_syncs(3)  # the slots do not wait for the load
    name = load.fabric.fabric_id
    starter = command_line(load)
    one, all_, inventory = await asyncio.gather(
        starter("status", name, "--json"), starter("status"), starter("inventory", name)
    )
    assert (one.fabric["sync_status"], one.fabric["inventory_state"]) == ("in_sync", "running")
    assert one.fabric["inventory_text"].startswith("The inventory in NetBox is behind since")
    progress = one.fabric["inventory"]["progress"]
    assert 0 < progress["done"] < progress["total"] >= sum(load.objects.values())
    for page in (all_, inventory):
        assert f"{progress['done']:,} of {progress['total']:,} objects done" in page.out
    assert inventory.code == 0
    details = await read_details(load.fabric.handle)
    assert "is in sync" in details
    assert "being updated (the workflow `fabric-inventory/" in details


async def start_many_loops(installation: Installation) -> None:
    """Create more fabrics with a loop than the command line queries one by one."""
    for number in range(MAX_QUERIED_LOOPS):
        other, known = f"other-{number}", {"hh_fabric_id": f"other-{number}"}
        await asyncio.to_thread(installation.admin.create_record, other, known)
        await installation.client.start_workflow(
            "FabricSync", id=workflow_id(other), task_queue="nobody"
        )
    await wait_until(
        partial(running_loops, installation.client), lambda ids: len(ids) > MAX_QUERIED_LOOPS
    )


def has_progress(writing: PendingActivityInfo | None) -> bool:
    return writing is not None and writing.HasField("heartbeat_details")


def is_later(moment: Timestamp, than: Timestamp) -> bool:
    """True if `moment` is later than `than` by more than a heartbeat timeout."""
    return moment.ToDatetime() - than.ToDatetime() > HEARTBEAT_TIMEOUT
