"""People who watch while a worker is killed and replaced must not be the end of a loop.

The new worker replays a loop for the first query that comes. If a timer has fired meanwhile, that
happens before the workflow task that is to tell of it: at a time that is over.
"""

import asyncio
import operator
from contextlib import suppress
from functools import partial

from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from tests.support.system.fleet import run_id
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
KILLS = 3


async def watch(fabric: Fabric) -> None:
    """Ask again and again, also while nobody answers."""
    while True:
        with suppress(RPCError, TimeoutError):
            await asyncio.wait_for(fabric.status(), 2)


async def syncs(fabric: Fabric) -> int:
    """How often it has synced; as good as never while nobody answers."""
    try:
        return (await fabric.status()).syncs
    except RPCError:
        return 0


async def failed_tasks(fabric: Fabric) -> int:
    """How often the loop could not get on."""
    history = await fabric.handle.fetch_history()
    failed = EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    return sum(event.event_type == failed for event in history.events)


async def test_a_loop_that_is_watched_gets_on_after_every_kill(installation: Installation) -> None:
    fabrics = [await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(6)]
    done = 0
    async with installation.worker():
        for fabric in fabrics:
            await fabric.recorded("in_sync")
    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(watch(fabric)) for fabric in fabrics]
        for _ in range(KILLS):
            async with installation.worker() as doomed:
                done = await until(partial(syncs, fabrics[0]), partial(operator.lt, done))
                doomed.kill()
                doomed.wait()
        for task in watching:
            task.cancel()
    async with installation.worker():
        for fabric in fabrics:
            await until(partial(syncs, fabric), partial(operator.lt, done + 1))
    assert [await failed_tasks(fabric) for fabric in fabrics] == [0] * len(fabrics)
    assert len({await run_id(fabric) for fabric in fabrics}) == len(fabrics)
