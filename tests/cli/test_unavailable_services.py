"""What still works, and what is said, while something that is needed is not there."""

import signal

import pytest

from cli.fabrics.fleet_view import MAX_QUERIED_LOOPS
from fabrics.loop.loop import workflow_id
from tests.support.cli.command_line import CommandLine
from tests.support.system.fleet import edit
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def new(installation: Installation, **fields: object) -> Fabric:
    """A fabric that nobody has enabled."""
    return await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False, **fields)


async def test_enabled_without_a_worker_it_syncs_when_one_comes(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    enabled = await starter("enable", fabric.fabric_id, "--json")
    assert (enabled.code, enabled.fabric["running"]) == (0, True)
    assert "python worker.py" in enabled.err
    assert (await fabric.record())["sync_enabled"] is True
    async with installation.worker():
        await fabric.recorded("in_sync")


async def test_messages_wait_for_a_worker(installation: Installation, starter: CommandLine) -> None:
    fabric = await new(installation, hh_sync_interval=3600)
    await starter("enable", fabric.fabric_id)
    for message in (["set-interval", "60"], ["pause"], ["sync"]):
        told = await starter(message[0], fabric.fabric_id, *message[1:])
        assert told.refused("will be done when a worker comes"), told
    async with installation.worker():
        record = await fabric.recorded("paused")
        assert record["sync_interval"] == 60
        await fabric.synced(1)


async def test_history_needs_a_worker(installation: Installation, starter: CommandLine) -> None:
    fabric = await new(installation)
    assert (await starter("history", fabric.fabric_id)).refused("No worker takes work")


async def test_status_and_doctor_miss_the_worker(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    await starter("enable", fabric.fabric_id)
    status = await starter("status", fabric.fabric_id)
    assert (status.code, "No worker takes work" in status.err) == (1, True)
    doctor = await starter("doctor", fabric.fabric_id, "--json")
    failed = {check["name"] for check in doctor.json["checks"] if not check["ok"]}
    workers = {"Worker for loops", "Worker for fabrics", "Worker for inventories"}
    assert (doctor.code, failed) == (1, workers | {"Fleet", "Loop", "Git and Kubernetes"})


async def test_a_killed_worker_is_missed_though_temporal_still_lists_it(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker() as worker:
        fabric = await new(installation)
        await starter("enable", fabric.fabric_id)
        await fabric.recorded("in_sync")
        worker.kill()
        worker.wait()
        told = await starter("pause", fabric.fabric_id)
        assert told.refused("will be done when a worker comes"), told
        assert (await starter("status", fabric.fabric_id)).code == 1
    async with installation.worker():
        await fabric.recorded("paused")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_within_two_intervals_of_the_last_worker_a_fabric_is_stale(
    installation: Installation, starter: CommandLine, number: signal.Signals
) -> None:
    async with installation.worker() as worker:
        fabric = await new(installation, hh_sync_interval=10)
        await starter("enable", fabric.fabric_id)
        await fabric.recorded("in_sync")
        worker.send_signal(number)
        worker.wait()

    async def seen() -> tuple[int, bool]:
        shown = await starter("status", "--json")
        return shown.code, shown.fabric["stale"]

    assert await until(seen, lambda told: told[1], seconds=20) == (1, True)
    assert "stale, was ● in_sync" in (await starter("status")).out


async def test_disabled_without_a_worker_the_record_says_so_at_once(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    await starter("enable", fabric.fabric_id)
    disabled = await starter("disable", fabric.fabric_id)
    assert disabled.code == 0
    record = await fabric.record()
    assert (record["sync_enabled"], record["sync_status"]["value"]) == (False, "disabled")
    async with installation.worker():
        assert await fabric.handle.result() == "disabled"


async def test_with_netbox_down_the_loop_says_how_its_fabric_is(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await new(installation, hh_sync_interval=3600)
        await edit(fabric, name="Oslo DC")
        await starter("enable", fabric.fabric_id)
        await fabric.recorded("in_sync")
        down = starter.with_(FABRIC_SYNC_NETBOX_URL="http://127.0.0.1:1")
        for name in ("Oslo DC", fabric.fabric_id):
            status = await down("status", name, "--json")
            assert (status.code, status.fabric["sync_status"]) == (2, "in_sync")
            assert status.err.rstrip().endswith("nothing listens there."), status
        assert (await down("sync", fabric.fabric_id)).refused("nothing listens there")
        assert (await down("status", "Bergen")).refused("No loop answers for Bergen.")

        for number in range(MAX_QUERIED_LOOPS):
            handle = workflow_id(f"zz-{number}")
            await installation.client.start_workflow("FabricSync", id=handle, task_queue="nobody")
        every = await down("status", "--json")
        assert every.fabric["name"] == "Oslo DC"
        assert "No loop answers for zz-0" in every.err
        assert "Of 11 fabrics 10 were asked for" in every.err


async def test_doctor_without_temporal_still_checks_netbox(starter: CommandLine) -> None:
    doctor = await starter.with_(TEMPORAL_ADDRESS="127.0.0.1:1")("doctor", "--json")
    checks = {check["name"]: check["ok"] for check in doctor.json["checks"]}
    assert doctor.code == 1
    assert checks["NetBox"]
    assert not checks["Temporal"]
