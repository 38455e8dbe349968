"""A fleet whose Temporal is lost goes on in another one, after one command."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from temporalio.client import Client

from activities.executions import execution_is_running
from activities.fleet.installation import get_instance
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.cli.command_line import CommandLine
from tests.support.system.fleet import wait_for_round, wait_until_listed
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
INTERVAL = 20
THIRD = "default@third"


@pytest.fixture
async def former(installation: Installation, tmp_path: Path) -> AsyncIterator[Installation]:
    """An installation in the same NetBox, whose Temporal is lost at the end."""
    (tmp_path / "logs").mkdir()
    with closing(Supervisor(tmp_path / "logs")) as supervisor:
        server = await asyncio.to_thread(start_temporal, supervisor)
        converter = installation.client.data_converter
        client = await Client.connect(server.address, data_converter=converter)
        overrides = {"TEMPORAL_ADDRESS": server.address}
        yield replace(installation, client=client, overrides=overrides)


def move_here(fabric: Fabric, installation: Installation) -> Fabric:
    """Return the fabric with its loop in this installation."""
    client = installation.client
    return replace(fabric, handle=client.get_workflow_handle_for(FabricSync.run, fabric.handle.id))


async def test_fleet_of_a_lost_temporal_is_taken_over_and_syncs_on_its_slots(
    former: Installation, installation: Installation
) -> None:
    former_name, name = [await get_instance(side.client) for side in (former, installation)]
    fabrics = [await former.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL) for _ in range(3)]
    third = await former.fabric(IN_GIT, SERVERS, hh_instance=THIRD)
    async with former.worker():
        for fabric in fabrics:
            assert (await fabric.wait_for_status("in_sync"))["instance"] == former_name
        slots = [(await fabric.status()).next_sync for fabric in fabrics]

    starter = CommandLine(installation.variables)
    async with installation.worker():
        await wait_until(
            partial(execution_is_running, installation.client, FLEET_WORKFLOW_ID), bool
        )
        summary = await wait_for_round(installation)
        assert (summary.elsewhere, summary.states, summary.loops) == (4, {}, 0)
        command = f"`starter.py take-over --from {former_name}` moves them here."
        assert command in summary.owners[0]
        status = " ".join((await starter("status")).out.split())
        assert f"3 fabrics belong to another installation, {former_name}." in status

        taken = await starter("take-over", "--from", former_name, "--yes", "--json")
        assert taken.json["taken_over"] == sorted(fabric.fabric_id for fabric in fabrics)
        for fabric, slot in zip(fabrics, slots, strict=True):
            moved = move_here(fabric, installation)
            assert (await fabric.record())["instance"] == name
            next_slot = (await moved.wait_for_syncs(1)).next_sync
            assert slot is not None
            assert next_slot is not None
            assert (next_slot - slot).total_seconds() % INTERVAL == 0
            await wait_until_listed(installation.client, moved.handle.id)
        summary = await wait_for_round(installation)
        assert (summary.elsewhere, summary.loops) == (1, len(fabrics))
        assert (await third.record())["instance"] == THIRD
