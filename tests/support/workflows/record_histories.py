"""Record the histories of this release for `test_replay.py`.

Run `python -m tests.support.workflows.record_histories`, maybe with the names of functions below, such as `fleet`.

Record them again only if no running workflow has the old order of commands. A change that is guarded with
`workflow.patched` needs no new ones until the next release.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from temporalio import activity
from temporalio.client import WorkflowHandle, WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.checks import Check
from activities.errors import NoResponseError, to_application_error
from activities.observe import ComparisonRequest, LiveManifests, ObserveRequest
from fabrics.drift.diff_report import DiffReport
from fabrics.fleet.notifications import notifications_workflow_id
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.inventory.report.preview import InventoryPreview
from fabrics.inventory.report.report import DeletesWaiting, InventoryOutcome, InventoryReport
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.loop import FabricLoop, workflow_id
from fabrics.record.config import FabricConfig
from fabrics.record.sync_status import LastKnownState, Observation
from fabrics.record.task_queues import (
    inventory_queue,
    notification_queue,
    observe_queue,
    unresponsive_queue,
)
from fabrics.resources.json_types import Json
from tests.support.paths import RELEASE_HISTORIES
from tests.support.workflows import commands
from tests.support.workflows.fleet_environment import FleetEnvironment, fleet
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    config,
    loop,
    start,
    worker,
)
from tests.support.workflows.target_environment import target
from workflows.fabric_sync import FabricSync
from workflows.notifications import NotificationTest
from workflows.probe import (
    Comparison,
    Examination,
    Export,
    Preview,
    Probe,
    ProbeRequest,
    Removal,
)

WORKFLOW_IDS: Final = {
    "FabricSync": workflow_id("berlin"),
    "FabricInventory": inventory_workflow_id("berlin"),
    "Fleet": FLEET_WORKFLOW_ID,
    "Probe": "probe",
    "Comparison": "comparison",
    "Export": "export",
    "Examination": "examination",
    "FabricNotifications": notifications_workflow_id("ops"),
    "NotificationTest": "notification-test",
    "Preview": "preview",
    "Removal": inventory_workflow_id("berlin"),
}
"""The id of each workflow type in the histories."""

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
        await write(running.handle, "fleet")


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
        await write(running.handle, "fabric_sync")


async def record_health(env: WorkflowEnvironment) -> None:
    """Record a loop that reads the agents between two syncs, also in vain."""
    async with loop(env, LoopEnvironment(config(fabric_id="berlin", interval=3600))) as running:
        await running.sleep(200)
        running.environment.health_error = "It broke."
        await running.sleep(400)
        running.environment.health_error = ""
        await running.sleep(400)
        await write(running.handle, "fabric_sync_health")


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
    await write(handle, "fabric_sync_malformed_signals")
    await handle.terminate()


async def record_fabric_inventory(env: WorkflowEnvironment) -> None:
    """Record a pass over an inventory that a loop has started."""
    async with loop(env, LoopEnvironment(config(fabric_id="berlin"))) as running:
        await running.sleep(100)
        assert (await running.status()).inventory.last_sync == 1
        handle = env.client.get_workflow_handle(inventory_workflow_id("berlin"))
        await write(handle, "fabric_inventory")


async def record_lost(env: WorkflowEnvironment) -> None:
    """Record a loop whose NetBox record is deleted after some syncs."""
    environment = LoopEnvironment(config(fabric_id="berlin"))
    async with loop(env, environment) as running:
        await running.sleep(200)
        environment.record = None
        await running.handle.signal(FabricSync.record_changed)
        await running.handle.result()
        await write(running.handle, "fabric_sync_record_lost")


async def record_notifications(env: WorkflowEnvironment) -> None:
    """Record a target that is told of trouble, after it was dead for a while."""
    async with target(env) as running:
        await running.observe(a="error")
        running.error = "It is not available."
        await running.sleep(1200)
        running.error = ""
        await running.sleep(1200)
        await running.observe(a="in_sync")
        await running.handle.signal("states_changed", 7)
        await running.sleep(600)
        await write(running.handle, "fabric_notifications")


@activity.defn
async def test_targets() -> list[Check]:
    """Find that all is well."""
    return [Check(name="ops", ok=True, sentence="It took a test message.")]


async def record_notification_test(env: WorkflowEnvironment) -> None:
    """Record a test of all targets."""
    queue = f"queue-{uuid4().hex[:8]}"
    async with (
        Worker(env.client, task_queue=queue, workflows=[NotificationTest]),
        Worker(env.client, task_queue=notification_queue(queue), activities=[test_targets]),
    ):
        handle = await env.client.start_workflow(
            NotificationTest.run, id=WORKFLOW_IDS["NotificationTest"], task_queue=queue
        )
        await handle.result()
        await write(handle, "notification_test")


class ProbedFabric:
    """A fabric about which people ask; it answers on the unresponsive queue only."""

    @activity.defn
    async def diff(self, fabric: FabricConfig) -> DiffReport:
        """Compare nothing."""
        self._answer()
        return DiffReport(commit="c0ffee")

    @activity.defn
    async def compare(self, request: ComparisonRequest) -> DiffReport:
        """Compare nothing with another state."""
        return await self.diff(request.config)

    @activity.defn
    async def export(self, fabric: FabricConfig) -> LiveManifests:
        """Find nothing to export."""
        self._answer()
        return LiveManifests()

    @activity.defn
    async def diagnose(self, fabric: FabricConfig) -> list[Check]:
        """Find that all is well."""
        return [Check(name="Git", ok=True, sentence="It answers.")]

    @activity.defn
    async def observe(self, request: ObserveRequest) -> Observation:
        """Observe an empty fabric."""
        self._answer()
        return Observation(
            started=activity.info().scheduled_time, answered=True, live_digest="live"
        )

    @activity.defn
    async def preview_inventory(self, request: InventoryRequest) -> InventoryPreview:
        """Find nothing to write."""
        return InventoryPreview()

    @activity.defn
    async def remove_inventory(self, fabric: FabricConfig) -> InventoryReport:
        """Find nothing to delete."""
        return InventoryReport()

    def _answer(self) -> None:
        if not activity.info().task_queue.endswith(unresponsive_queue("")):
            raise to_application_error(NoResponseError("It does not answer."))


@asynccontextmanager
async def probe_workers(env: WorkflowEnvironment, queue: str) -> AsyncIterator[None]:
    """Run workers for people's questions, and for removals."""
    fabric, observing = ProbedFabric(), observe_queue(queue)
    read: list[Callable[..., Any]] = [
        fabric.diff,
        fabric.compare,
        fabric.export,
        fabric.diagnose,
        fabric.observe,
    ]
    workflows = [Probe, Comparison, Export, Examination, Preview, Removal]
    async with (
        Worker(env.client, task_queue=queue, workflows=workflows),
        Worker(env.client, task_queue=observing, activities=read),
        Worker(
            env.client,
            task_queue=unresponsive_queue(observing),
            activities=[*read, fabric.preview_inventory],
        ),
        Worker(
            env.client,
            task_queue=inventory_queue(observing),
            activities=[fabric.remove_inventory],
        ),
    ):
        yield


async def record_probes(env: WorkflowEnvironment) -> None:
    """Record the workflows that people start."""
    fabric, queue = config(fabric_id="berlin"), f"queue-{uuid4().hex[:8]}"
    request = ProbeRequest.build(fabric, LastKnownState())
    inputs: dict[type, object] = {
        Probe: request,
        Comparison: ComparisonRequest(config=fabric, answered=True, commit="4f" * 20),
        Export: request,
        Examination: fabric,
        Preview: request,
        Removal: fabric,
    }
    async with probe_workers(env, queue):
        for workflow_class, argument in inputs.items():
            name = workflow_class.__name__
            handle = await env.client.start_workflow(
                name, argument, id=WORKFLOW_IDS[name], task_queue=queue
            )
            await handle.result()
            await write(handle, name.lower())


async def write(handle: WorkflowHandle[Any, Any], name: str) -> None:
    """Fetch a workflow's history and write it to the file of this name."""
    history = await handle.fetch_history()
    await asyncio.to_thread(save, history, RELEASE_HISTORIES / f"{name}.json")


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


RECORDERS: Final[dict[str, Callable[[WorkflowEnvironment], Awaitable[None]]]] = {
    "fabric_sync": record_fabric_sync,
    "fabric_inventory": record_fabric_inventory,
    "record_lost": record_lost,
    "health": record_health,
    "malformed_signals": record_malformed_signals,
    "fleet": record_fleet,
    "notifications": record_notifications,
    "notification_test": record_notification_test,
    "probes": record_probes,
}


async def main(names: list[str]) -> None:
    """Record the histories of these names, each with a server of its own."""
    RELEASE_HISTORIES.mkdir(exist_ok=True)
    programs = Path(sys.executable).parent
    for name in names or RECORDERS:
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
            await RECORDERS[name](env)
    commands.record(RELEASE_HISTORIES)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
