"""Inventory runs may be ended from outside, and others may begin meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import starmap
from pathlib import Path
from typing import Any, Final

import pytest
from temporalio.client import WorkflowHandle

from fabrics.inventory.report.report import InventoryFailure
from fabrics.loop.inventory_pass import inventory_workflow_id
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from temporal import connect
from tests.faults.conftest import FleetKeeper
from tests.support.cli.command_line import CommandLine
from tests.support.faults.batches import REACH_SECONDS
from tests.support.faults.faults import HANG, Dependency
from tests.support.faults.fleet import FaultyFabric, FaultyFleet
from tests.support.faults.outcomes import Triple
from tests.support.faults.proxy import Injection
from tests.support.faults.results import RecordProperty, check_outcomes
from tests.support.faults.sample import Phase
from tests.support.faults.trials import START_TIME, WORK_TIME, run_trial
from tests.support.system.installation import wait_until

pytestmark = pytest.mark.soak

FABRICS: Final = 4

STEPS: Final = (
    (Phase.GROW, "POST graphql site"),
    (Phase.SHRINK, "DELETE dcim/devices"),
    (Phase.GROW, "POST dcim/devices"),
    (Phase.CHANGE, "PATCH dcim/devices"),
)

type Strike = Callable[[FaultyFleet, FaultyFabric], Awaitable[None]]


async def terminate(fleet: FaultyFleet, fabric: FaultyFabric) -> None:
    """Terminate the run of a fabric, so that its report is lost."""
    await get_run(fleet, fabric).terminate()


async def cancel(fleet: FaultyFleet, fabric: FaultyFabric) -> None:
    """Cancel the run of a fabric."""
    await get_run(fleet, fabric).cancel()


async def report_falsely(_: FaultyFleet, fabric: FaultyFabric) -> None:
    """Report the end of a run that nobody knows."""
    failure = InventoryFailure(message="never happened")
    await fabric.fabric.handle.signal("inventory_ended", args=["unknown", failure])


STRIKES: Final[Sequence[Strike]] = (terminate, cancel, report_falsely)


def get_run(fleet: FaultyFleet, fabric: FaultyFabric) -> WorkflowHandle[Any, Any]:
    """Return the inventory run of a fabric."""
    return fleet.installation.client.get_workflow_handle(inventory_workflow_id(fabric.id))


@pytest.mark.parametrize(("phase", "step"), STEPS)
async def test_runs_are_struck(
    fleets: FleetKeeper, phase: Phase, step: str, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(phase)

    async def strike_run(fabric: FaultyFabric, injection: Injection, strike: Strike) -> None:
        await asyncio.wait_for(injection.reached.wait(), REACH_SECONDS)
        await strike(fleet, fabric)

    async def strike_runs(fleet: FaultyFleet) -> None:
        struck = [
            (fabric, fleet.inject(fabric, Dependency.NETBOX, HANG, step), strike)
            for fabric, strike in zip(fleet.fabrics, STRIKES, strict=False)
        ]
        await fleet.enter(phase)
        await asyncio.gather(*starmap(strike_run, struck))

    triples = [Triple(Dependency.TEMPORAL, f"run: {strike.__name__}", step) for strike in STRIKES]
    check_outcomes(await run_trial(fleet, triples, strike_runs, WORK_TIME), record_property)


async def test_another_installation_begins_during_a_run(
    fleets: FleetKeeper, tmp_path: Path, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(Phase.GROW)
    (tmp_path / "logs").mkdir()

    async def run_another(fleet: FaultyFleet) -> None:
        with closing(Supervisor(tmp_path / "logs")) as supervisor:
            server = await asyncio.to_thread(start_temporal, supervisor)
            overrides = {
                "TEMPORAL_ADDRESS": server.address,
                "FABRIC_SYNC_CACHE_DIR": str(tmp_path / "cache"),
            }
            client = await connect({"TEMPORAL_ADDRESS": server.address})
            ours = fleet.installation
            other = replace(ours, client=client, overrides=ours.overrides | overrides)
            hanging = fleet.inject(fleet.fabrics[0], Dependency.NETBOX, HANG, "POST dcim/devices")
            async with other.worker_process():
                await fleet.enter(Phase.GROW)
                await asyncio.wait_for(hanging.reached.wait(), REACH_SECONDS)
                for fabric in fleet.fabrics:
                    loop = client.get_workflow_handle(fabric.fabric.handle.id)
                    await other.client.start_workflow(
                        "FabricSync",
                        {"fabric_id": fabric.id},
                        id=loop.id,
                        task_queue=other.queue,
                    )
                    assert await asyncio.wait_for(loop.result(), 60) == "synced elsewhere"

    triple = Triple(Dependency.TEMPORAL, "another installation", "POST dcim/devices")
    outcomes = await run_trial(fleet, [triple], run_another, START_TIME + WORK_TIME)
    check_outcomes(outcomes, record_property)


async def test_fabric_is_removed_during_a_run(
    fleets: FleetKeeper, record_property: RecordProperty
) -> None:
    fleet = await fleets.get(FABRICS)
    await fleet.prepare(Phase.GROW)
    removed = fleet.fabrics[0]

    async def remove(fleet: FaultyFleet) -> None:
        hanging = fleet.inject(removed, Dependency.NETBOX, HANG, "POST dcim/devices")
        await fleet.enter(Phase.GROW)
        await asyncio.wait_for(hanging.reached.wait(), REACH_SECONDS)
        ours = fleet.installation
        server = ours.stack.netbox
        as_admin = {"FABRIC_SYNC_NETBOX_URL": server.url, "FABRIC_SYNC_NETBOX_TOKEN": server.token}
        starter = CommandLine(ours.variables | as_admin)
        result = await starter("remove", removed.id, "--inventory", "--yes")
        assert result.code == 0, result
        inventories = await asyncio.to_thread(fleet.read_inventories)
        assert inventories[removed.id] == {}
        fleet.fabrics.remove(removed)
        await wait_until(removed.fabric.handle.describe, lambda loop: loop.close_time is not None)

    triple = Triple(Dependency.TEMPORAL, "fabric removed", "POST dcim/devices")
    outcomes = await run_trial(fleet, [triple], remove, WORK_TIME)
    await fleets.close()
    check_outcomes(outcomes, record_property)
