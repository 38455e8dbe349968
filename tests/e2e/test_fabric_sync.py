"""The loop of one fabric on the real stack: slots, messages, completion."""

import asyncio
import json
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from fabrics.loop.active_sync import Trigger
from tests.support.system.fleet import edit
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until
from workflows.fabric_sync import FabricSync

TEMPORAL = Path(sys.prefix) / "bin" / "temporal"
IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def test_syncs_start_on_consecutive_slots(installation: Installation) -> None:
    """How late they are depends on the machine, so benchmarks measure it."""
    step = timedelta(seconds=5)
    async with installation.worker():
        fabrics = [await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(3)]
        for fabric in fabrics:
            await installation.start(fabric, sync=False)  # a sync on request may replace a slot
        for fabric in fabrics:
            await fabric.wait_for_syncs(4)
            first, *scheduled = await fabric.history()
            assert first.trigger in {Trigger.INITIAL, Trigger.SCHEDULE}
            for report, following in pairwise(scheduled):
                assert report.slot is not None
                assert following.slot is not None
                gap = following.slot - report.slot
                assert gap == step or (report.missed and gap % step == timedelta(0))
                assert following.started >= following.slot


async def test_new_interval_does_not_wait_for_the_old_timer(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        answer = await fabric.handle.execute_update(FabricSync.set_interval, 5)
        assert answer.sync_interval == 5
        await fabric.wait_for_syncs(3)
        assert (await fabric.record())["sync_interval"] == 5


async def test_pause_survives_a_terminated_loop(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        await installation.start(fabric)
        await fabric.wait_for_syncs(1)
        await fabric.handle.execute_update(FabricSync.pause, "maintenance")
        record = await fabric.wait_for_status("paused")
        assert (record["paused"], record["pause_reason"]) == (True, "maintenance")
        await fabric.handle.terminate()
        await installation.start(fabric, sync=False)
        status = await wait_until(fabric.status, lambda status: status.paused)
        assert (status.syncs, status.next_sync) == (0, None)
        report = await fabric.handle.execute_update(FabricSync.sync_now, False)
        assert (report.number, report.objects, report.drift_count) == (1, 3, 0)
        await fabric.wait_for_status("paused")
        await fabric.handle.execute_update(FabricSync.resume)
        await fabric.wait_for_syncs(2)
        await fabric.wait_for_status("in_sync")


async def test_disabling_in_netbox_completes_the_loop(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        await edit(fabric, custom_fields={"hh_sync_enabled": False})
        await installation.start(fabric, sync=False)  # signals it, unless the fleet already has
        assert await fabric.handle.result() == "disabled"
        await fabric.wait_for_status("disabled")


async def test_temporal_cli_can_send_every_signal(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        await send(installation, fabric, "sync_now")
        await fabric.wait_for_syncs(2)
        await send(installation, fabric, "set_interval", 5)
        await fabric.wait_for_syncs(4)
        await send(installation, fabric, "pause", "from the command line")
        assert (await fabric.wait_for_status("paused"))["pause_reason"] == "from the command line"
        await send(installation, fabric, "resume")
        await fabric.wait_for_status("in_sync")
        await send(installation, fabric, "set_interval", "soon")
        ignored = await wait_until(fabric.status, lambda status: status.ignored != "")
        assert "whole number of seconds, not 'soon'" in ignored.ignored
        await send(installation, fabric, "set_interval", 0)
        assert await fabric.handle.result() == "disabled"
        await fabric.wait_for_status("disabled")


async def send(installation: Installation, fabric: Fabric, signal: str, *arguments: object) -> None:
    """Send a signal with `temporal workflow signal`."""
    command: list[str | Path] = [
        TEMPORAL,
        "workflow",
        "signal",
        "--address",
        installation.stack.temporal.address,
    ]
    command += ["--workflow-id", fabric.handle.id, "--name", signal]
    command += [part for argument in arguments for part in ("--input", json.dumps(argument))]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
