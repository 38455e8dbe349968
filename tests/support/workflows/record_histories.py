"""Record the histories for `test_replay.py`.

Run `python -m tests.support.workflows.record_histories NAME`: fabric_sync, fabric_inventory, record_lost,
health, malformed_signals or fleet.

Record them again only if no running loop has the old order of commands, or if the change is guarded with
`workflow.patched`.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from fabrics.inventory.report.report import DeletesWaiting, InventoryOutcome
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import FabricLoop
from fabrics.resources.json_types import Json
from tests.support.paths import HISTORIES
from tests.support.workflows.fleet_environment import FleetEnvironment, fleet
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    config,
    loop,
    start,
    worker,
)
from workflows.fabric_sync import FabricSync

HISTORY = HISTORIES / "fabric_sync.json"
HEALTH_HISTORY = HISTORIES / "fabric_sync_health.json"
FLEET_HISTORY = HISTORIES / "fleet.json"
INVENTORY_HISTORY = HISTORIES / "fabric_inventory.json"
LOST_HISTORY = HISTORIES / "fabric_sync_record_lost.json"
MALFORMED_HISTORY = HISTORIES / "fabric_sync_malformed_signals.json"

SIGNALS_TOGETHER: list[list[tuple[str, list[object]]]] = [
    [("set_interval", ["soon"]), ("pause", ["maintenance"])],
    [("resume", []), ("set_interval", ["soon"])],
    [("set_interval", [70]), ("inventory_ended", ["unknown", {}])],
    [("set_interval", [80]), ("no_such_signal", [])],
]
"""Signals that arrive together, valid ones before and after what is ignored."""


async def record_fleet(env: WorkflowEnvironment) -> None:
    """Record a fleet with a signal, a malformed one, a NetBox failure, a new release."""
    async with fleet(env, FleetEnvironment()) as running:
        await running.sleep(100)
        await running.signal_change()
        await running.sleep(10)
        await running.handle.signal("record_changed", "soon")
        running.environment.error = "NetBox does not answer."
        await running.sleep(100)
        running.environment.error, running.environment.release = "", "second"
        await running.sleep(100)
        await write(running.handle, FLEET_HISTORY)


async def record_fabric_sync(env: WorkflowEnvironment) -> None:
    """Record a loop with every message and failures of every dependency."""
    async with loop(env, LoopEnvironment(config(fabric_id="berlin"))) as running:
        await running.sleep(40)
        await running.handle.signal(FabricSync.pause_by_signal, "maintenance")
        await running.sleep(300)
        await running.handle.execute_update(FabricSync.resume)
        await running.handle.signal("set_interval", "soon")
        await running.handle.execute_update(FabricSync.set_interval, 50)
        waiting = DeletesWaiting(digest="d1ce", counts={"dcim.interface": 40}, first=())
        running.environment.inventory_outcome = InventoryOutcome(
            live_digest="", deletes_waiting=waiting
        )
        await running.handle.execute_update(FabricSync.sync_now, True)
        await running.sleep(5)  # for the pass after it
        running.environment.inventory_outcome = InventoryOutcome(live_digest="")
        await running.handle.execute_update(FabricSync.confirm_deletes, "d1ce")
        await running.sleep(5)
        running.environment.live_digest, running.environment.inventory_error = (
            "rewired",
            "NetBox refuses it.",
        )
        await running.sleep(30)
        running.environment.inventory_error = ""
        running.environment.netbox_error = "NetBox does not answer."
        running.environment.drift_count = 2
        await running.sleep(60)
        running.environment.netbox_error, running.environment.silent = "", True
        await running.sleep(60)
        running.environment.silent = False
        await running.sleep(60)
        await running.handle.signal("set_interval", 0)
        await running.handle.result()
        await write(running.handle, HISTORY)


async def record_health(env: WorkflowEnvironment) -> None:
    """Record a loop that reads the agents between two syncs, also in vain."""
    async with loop(env, LoopEnvironment(config(fabric_id="berlin", interval=3600))) as running:
        await running.sleep(200)
        running.environment.health_error = "It broke."
        await running.sleep(400)
        running.environment.health_error = ""
        await running.sleep(400)
        await write(running.handle, HEALTH_HISTORY)


async def record_malformed_signals(env: WorkflowEnvironment) -> None:
    """Record a loop whose worker finds several signals whenever it starts."""
    environment = LoopEnvironment(config(fabric_id="berlin", interval=3600))
    handle = await start(env.client, FabricLoop(fabric_id="berlin"), environment.queue)
    async with worker(env.client, environment):
        await handle.execute_update(FabricSync.sync_now, False)
    for signals in SIGNALS_TOGETHER:
        for name, arguments in signals:
            await handle.signal(name, args=arguments)
        async with worker(env.client, environment):
            await env.sleep(15)  # a server offers a task to the previous worker for 10 s
    await write(handle, MALFORMED_HISTORY)
    await handle.terminate()


async def record_fabric_inventory(env: WorkflowEnvironment) -> None:
    """Record a pass over an inventory that a loop has started."""
    async with loop(env, LoopEnvironment(config(fabric_id="berlin"))) as running:
        await running.sleep(100)
        assert (await running.status()).inventory.last_sync == 1
        handle = env.client.get_workflow_handle(inventory_workflow_id("berlin"))
        await write(handle, INVENTORY_HISTORY)


async def record_lost(env: WorkflowEnvironment) -> None:
    """Record a loop whose NetBox record is deleted after some syncs."""
    environment = LoopEnvironment(config(fabric_id="berlin"))
    async with loop(env, environment) as running:
        await running.sleep(200)
        environment.record = None
        await running.handle.signal(FabricSync.record_changed)
        await running.handle.result()
        await write(running.handle, LOST_HISTORY)


async def write(handle: WorkflowHandle[Any, Any], file: Path) -> None:
    """Fetch a workflow's history and write it to `file`."""
    history = await handle.fetch_history()
    await asyncio.to_thread(save, history, file)


def save(history: WorkflowHistory, file: Path) -> None:
    """Write a history to `file`."""
    file.write_text(json.dumps(strip_machine_details(json.loads(history.to_json()))) + "\n")


def strip_machine_details(part: Json) -> Json:
    """Return a copy without stack traces and process names, which no replay reads."""
    if isinstance(part, list):
        return [strip_machine_details(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        name: strip_machine_details(value)
        for name, value in part.items()
        if name not in {"stackTrace", "identity"}
    }


async def main(name: str) -> None:
    """Record the history of this name."""
    record_history = {
        "fabric_sync": record_fabric_sync,
        "fabric_inventory": record_fabric_inventory,
        "record_lost": record_lost,
        "health": record_health,
        "malformed_signals": record_malformed_signals,
        "fleet": record_fleet,
    }[name]
    programs = Path(sys.executable).parent
    if name == "malformed_signals":  # the other server does not stand a worker that pauses
        server = WorkflowEnvironment.start_local(
            dev_server_existing_path=str(programs / "temporal"),
            data_converter=pydantic_data_converter,
        )
    else:
        server = WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(programs / "temporal-test-server"),
            data_converter=pydantic_data_converter,
        )
    async with await server as env:
        await record_history(env)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
