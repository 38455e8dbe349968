"""Records the history that `test_replay.py` replays: `python -m tests.workflows.record_history`.

Record anew only when no loop that runs anywhere has the old order of commands, or when the change is
guarded with `workflow.patched`.
"""

import asyncio
import json
import sys
from pathlib import Path

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from fabrics.values import Json
from tests.workflows.world import World, config, loop
from workflows.fabric_sync import FabricSync

HISTORY = Path(__file__).parent / "histories" / "fabric_sync.json"


async def record() -> None:
    """A loop that is paused, re-planned, asked and told nonsense, and whose NetBox and fabric fail for a while."""
    server = Path(sys.executable).parent / "temporal-test-server"
    async with (
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=str(server), data_converter=pydantic_data_converter
        ) as env,
        loop(env, World(config(fabric_id="berlin"))) as running,
    ):
        await running.sleep(100)
        await running.handle.signal(FabricSync.pause_by_signal, "maintenance")
        await running.sleep(300)
        await running.handle.execute_update(FabricSync.resume)
        await running.handle.signal("set_interval", "soon")
        await running.handle.execute_update(FabricSync.set_interval, 30)
        await running.handle.execute_update(FabricSync.sync_now, True)
        running.world.netbox_error = "NetBox does not answer."
        running.world.drift_count = 2
        await running.sleep(120)
        running.world.netbox_error, running.world.silent = "", True
        await running.sleep(60)
        running.world.silent = False
        await running.sleep(60)
        await running.handle.signal("set_interval", 0)
        await running.handle.result()
        history = json.loads((await running.handle.fetch_history()).to_json())
        HISTORY.write_text(json.dumps(without_traces_of_this_machine(history)) + "\n")


def without_traces_of_this_machine(part: Json) -> Json:
    """The same without stack traces and process names: no replay looks at them."""
    if isinstance(part, list):
        return [without_traces_of_this_machine(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        name: without_traces_of_this_machine(value)
        for name, value in part.items()
        if name not in {"stackTrace", "identity"}
    }


if __name__ == "__main__":
    asyncio.run(record())
