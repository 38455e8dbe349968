"""Commands while a worker, NetBox or Temporal is unavailable."""

import signal
from functools import partial

import pytest

from cli.fabrics.fleet_view import MAX_QUERIED_LOOPS
from fabrics.loop.loop import workflow_id
from tests.support.cli.command_line import CommandLine
from tests.support.cli.enabled_fabric import enable_and_sync
from tests.support.system.fleet import edit, running_loops
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    wait_until,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def new(installation: Installation, **fields: object) -> Fabric:
    """Create a fabric that is not enabled."""
    return await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False, **fields)


async def test_fabric_enabled_without_a_worker_syncs_once_one_runs(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    enabled = await starter("enable", fabric.fabric_id, "--json")
    assert (enabled.code, enabled.fabric["running"]) == (0, True)
    assert "python worker.py" in enabled.err
    assert (await fabric.record())["sync_enabled"] is True
    async with installation.worker():
        await fabric.wait_for_status("in_sync")


async def test_messages_wait_for_a_worker(installation: Installation, starter: CommandLine) -> None:
    fabric = await new(installation, hh_sync_interval=3600)
    await starter("enable", fabric.fabric_id)
    for message in (["set-interval", "60"], ["pause"], ["sync"]):
        refused = await starter(message[0], fabric.fabric_id, *message[1:])
        assert refused.is_refused("keeps the request until a worker has completed it"), refused
    async with installation.worker():
        record = await fabric.wait_for_status("paused")
        assert record["sync_interval"] == 60
        await fabric.wait_for_syncs(1)


async def test_history_needs_a_worker(installation: Installation, starter: CommandLine) -> None:
    fabric = await new(installation)
    assert (await starter("history", fabric.fabric_id)).is_refused("No worker takes work")


async def test_status_and_doctor_report_a_missing_worker(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    await starter("enable", fabric.fabric_id)
    status = await starter("status", fabric.fabric_id)
    assert (status.code, "No worker takes work" in status.err) == (1, True)
    doctor = await starter.with_(**INVENTORY)("doctor", fabric.fabric_id, "--json")
    failed = {check["name"] for check in doctor.json["checks"] if not check["ok"]}
    workers = {"Worker for loops", "Worker for fabrics", "Worker for inventories"}
    assert (doctor.code, failed) == (1, workers | {"Fleet", "Loop", "Git and Kubernetes"})


async def test_killed_worker_is_missing_though_temporal_still_lists_it(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker_process() as worker:
        fabric = await new(installation)
        await starter("enable", fabric.fabric_id)
        await fabric.wait_for_status("in_sync")
        worker.kill()
        worker.wait()
        refused = await starter("pause", fabric.fabric_id)
        assert refused.is_refused("keeps the request until a worker has completed it"), refused
        assert (await starter("status", fabric.fabric_id)).code == 1
    async with installation.worker():
        await fabric.wait_for_status("paused")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_fabric_becomes_stale_after_the_last_worker(
    installation: Installation, starter: CommandLine, number: signal.Signals
) -> None:
    async with installation.worker_process() as worker:
        fabric = await new(installation, hh_sync_interval=10)
        await enable_and_sync(starter, fabric)
        worker.send_signal(number)
        worker.wait()

    async def get_staleness() -> tuple[int, bool]:
        status = await starter("status", "--json")
        return status.code, status.fabric["stale"]

    assert await wait_until(get_staleness, lambda result: result[1]) == (1, True)
    assert "stale, was ● in_sync" in (await starter("status")).out


async def test_record_shows_disabled_at_once_without_a_worker(
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


async def test_loops_tell_the_status_while_netbox_is_down(
    installation: Installation, starter: CommandLine
) -> None:
    async with installation.worker():
        fabric = await new(installation, hh_sync_interval=3600)
        await edit(fabric, name="Oslo DC")
        await enable_and_sync(starter, fabric)
        down = starter.with_(FABRIC_SYNC_NETBOX_URL="http://127.0.0.1:1")
        for name in ("Oslo DC", fabric.fabric_id):
            status = await down("status", name, "--json")
            assert (status.code, status.fabric["sync_status"]) == (2, "in_sync")
            assert status.err.rstrip().endswith("nothing listens there."), status
        assert (await down("sync", fabric.fabric_id)).is_refused("nothing listens there")
        assert (await down("status", "Bergen")).is_refused("No loop answers for Bergen.")

        for number in range(MAX_QUERIED_LOOPS):
            loop = workflow_id(f"zz-{number}")
            await installation.client.start_workflow("FabricSync", id=loop, task_queue="nobody")
        await wait_until(
            partial(running_loops, installation.client), lambda ids: len(ids) > MAX_QUERIED_LOOPS
        )
        status = await down("status", "--json")
        assert status.fabric["name"] == "Oslo DC"
        assert "No loop answers for zz-0" in status.err
        assert "Only 10 of 11 fabrics were queried" in status.err


async def test_doctor_without_temporal_still_checks_netbox(starter: CommandLine) -> None:
    doctor = await starter.with_(TEMPORAL_ADDRESS="127.0.0.1:1")("doctor", "--json")
    checks = {check["name"]: check["ok"] for check in doctor.json["checks"]}
    assert doctor.code == 1
    assert checks["NetBox"]
    assert not checks["Temporal"]
