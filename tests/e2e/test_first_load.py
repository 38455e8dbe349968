"""A first load that takes long: whoever looks sees how far it is, and workers that end in it do no harm."""

import asyncio
import signal
from functools import partial

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflow.v1 import PendingActivityInfo

from cli.fabrics.fleet_view import MAX_QUERIED_LOOPS
from fabrics.loop.loop import workflow_id
from stack.demo.fabrics import SAMPLE_FABRICS
from tests.support.cli.command_line import CommandLine
from tests.support.inventory.live_samples import OWN
from tests.support.paths import HEDGEHOG
from tests.support.system.first_load import Load, Sample, first_load, real
from tests.support.system.fleet import loops
from tests.support.system.installation import Installation, shown, until
from workflows.activity_calls import HEARTBEAT_TIMEOUT

KILLS = 3


def sample() -> Sample:
    """What is in Git and live: a fabric of 109 objects where the samples are, else the demo's largest."""
    if HEDGEHOG.is_dir():
        return real("gateway-externals")
    own = next(each for each in SAMPLE_FABRICS if each.name == "berlin-dc1")
    files = {path.name: path.read_text() for path in own.directory.rglob("*.yaml")}
    return Sample(files, next(each for each in OWN if each.name == own.name).items())


async def test_a_first_load_survives_whatever_happens_to_its_workers(
    installation: Installation,
) -> None:
    async with first_load(installation, sample()) as load:
        await many_others(installation)
        async with installation.worker(FABRIC_SYNC_GRACEFUL_SHUTDOWN="0") as worker:
            await load.between.received(sum(load.objects.values()) // 4)
            load.between.go_on.clear()
            await is_told_of(load)
            worker.send_signal(signal.SIGTERM)
            load.between.go_on.set()
            assert await asyncio.to_thread(worker.wait, 30) == 0
        await until(load.writing, was_handed_over, HEARTBEAT_TIMEOUT.total_seconds() - 1)
        await load.survives(KILLS)
        async with installation.worker():
            await load.ends()
            first, *_ = await load.fabric.history()
            assert first.missed > 0


async def test_a_first_load_stops_when_the_fabric_is_switched_off_and_goes_on_later(
    installation: Installation,
) -> None:
    async with first_load(installation, sample()) as load, installation.worker():
        name, starter = load.fabric.fabric_id, command_line(load)
        await load.between.received(1)
        load.between.go_on.clear()
        switching = asyncio.create_task(starter("disable", name))
        await until(load.fabric.record, lambda record: not record["sync_enabled"])
        load.between.go_on.set()
        assert (await switching).code == 0
        assert await asyncio.wait_for(load.fabric.handle.result(), 60) == "disabled"
        assert shown(await load.fabric.record()) == "disabled"
        written = load.between.rows
        assert written < sum(load.objects.values())
        status = await starter("status", name, "--json")
        assert status.fabric["sync_status"] == "disabled"
        assert load.between.rows == written  # nobody goes on with it
        assert (await starter("enable", name)).code == 0
        await load.ends()


def command_line(load: Load) -> CommandLine:
    """The command line, with NetBox itself."""
    netbox = load.installation.stack.netbox
    return CommandLine(load.installation.variables).with_(FABRIC_SYNC_NETBOX_URL=netbox.url)


def was_handed_over(writing: PendingActivityInfo | None) -> bool:
    """Whether the worker itself said that it stops: that it was lost would be noticed later."""
    return writing is not None and writing.attempt == 2


async def is_told_of(load: Load) -> None:
    """NetBox takes longer to answer than a lost worker would be waited for, and operators look."""
    since = await until(load.writing, has_progress)
    assert since is not None

    def beats_on(writing: PendingActivityInfo | None) -> bool:
        return writing is not None and later(writing.last_heartbeat_time, since.last_heartbeat_time)

    still = await until(load.writing, beats_on, 30)
    assert still is not None
    assert still.attempt == 1
    await load.fabric.recorded("syncing")
    name = load.fabric.fabric_id
    starter = command_line(load)
    one, all_, inventory = await asyncio.gather(
        starter("status", name, "--json"), starter("status"), starter("inventory", name)
    )
    assert one.fabric["sync_status"] == "syncing"
    assert one.fabric["next_sync"] is None
    progress = one.fabric["inventory"]["progress"]
    assert 0 < progress["done"] < progress["total"] >= sum(load.objects.values())
    for page in (all_, inventory):
        assert f"{progress['done']:,} of {progress['total']:,} objects done" in page.out
    assert inventory.code == 0
    details = await load.fabric.handle.query("__temporal_workflow_metadata", result_type=object)
    assert "is syncing now" in str(details)
    assert "the pending activity `update_inventory` tells" in str(details)


async def many_others(installation: Installation) -> None:
    """So many fabrics with a loop that not every one of them is asked."""
    for number in range(MAX_QUERIED_LOOPS):
        other, known = f"other-{number}", {"hh_fabric_id": f"other-{number}"}
        await asyncio.to_thread(installation.admin.create_record, other, known)
        await installation.client.start_workflow(
            "FabricSync", id=workflow_id(other), task_queue="nobody"
        )
    await until(partial(loops, installation.client), lambda ids: len(ids) > MAX_QUERIED_LOOPS)


def has_progress(writing: PendingActivityInfo | None) -> bool:
    return writing is not None and writing.HasField("heartbeat_details")


def later(moment: Timestamp, than: Timestamp) -> bool:
    """Later by more than it takes to notice that a worker is lost."""
    return moment.ToDatetime() - than.ToDatetime() > HEARTBEAT_TIMEOUT
