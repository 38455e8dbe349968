"""Queries while a worker is killed and replaced must not break a loop.

The new worker replays a loop for the first query. If a timer has fired in the meantime, this replay
precedes the workflow task with the timer's event, so the workflow's clock is behind.
"""

import asyncio
import math
import operator
from functools import partial

from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from tests.support.system.fleet import first_run_id
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
KILLS = 3

TOO_SLOW = "TMPRL1101"
"""What the SDK calls a task that got too little CPU for two seconds; Temporal repeats it."""


async def count_syncs(fabric: Fabric) -> int:
    """Return the number of syncs, or 0 while no worker answers."""
    try:
        return (await fabric.status()).syncs
    except RPCError:
        return 0


async def watch(fabric: Fabric) -> None:
    """Query the status until cancelled; a query is pending while no worker answers."""
    await wait_until(partial(count_syncs, fabric), lambda _: False, math.inf)


async def count_failed_tasks(fabric: Fabric) -> int:
    """Return the number of failed workflow tasks but those that took too long."""
    history = await fabric.handle.fetch_history()
    failures = [
        event.workflow_task_failed_event_attributes.failure.message
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    ]
    return sum(TOO_SLOW not in failure for failure in failures)


async def test_queried_loops_continue_after_every_kill(installation: Installation) -> None:
    fabrics = [await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(6)]
    done = 0
    async with installation.worker():
        for fabric in fabrics:
            await fabric.wait_for_status("in_sync")
    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(watch(fabric)) for fabric in fabrics]
        for _ in range(KILLS):
            async with installation.worker_process() as doomed:
                done = await wait_until(
                    partial(count_syncs, fabrics[0]), partial(operator.lt, done)
                )
                doomed.kill()
                doomed.wait()
        for task in watching:
            task.cancel()
    async with installation.worker():
        for fabric in fabrics:
            await wait_until(partial(count_syncs, fabric), partial(operator.lt, done + 1))
    assert [await count_failed_tasks(fabric) for fabric in fabrics] == [0] * len(fabrics)
    assert len({await first_run_id(fabric) for fabric in fabrics}) == len(fabrics)
