"""The demo as an operator sees it: how it starts, what to try, and how it ends."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import Final

from cli import console
from cli.commands.enable_disable import enable_one
from cli.commands.watch import watch
from cli.demo.guide import guide
from cli.demo.startup_progress import Startup
from cli.errors import Failure
from cli.fabrics.fleet_view import Sight, look
from cli.session import open_session
from cli.views.results import show_fabrics
from fabrics.record.status import SyncStatus
from stack.demo.demo import Demo, running_demo
from stack.processes.supervisor import StackError

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START: Final = timedelta(seconds=60)
FIRST_SYNCS: Final = timedelta(minutes=10)
"""The first syncs load the inventories, half a minute's work for a NetBox that has the machine to itself."""
UNSETTLED: Final = {SyncStatus.NEVER_SYNCED, SyncStatus.SYNCING}


def run(once: bool) -> None:
    """Run the demo until somebody stops it; with `once`, until every fabric has been synced."""
    _bypass_proxies()
    try:
        with _stopped_once(), ExitStack() as exits:
            try:
                _start(once, exits)
            finally:
                _ignore_stop_signals()
                with console.progress("Shutting everything down"):
                    exits.close()
    except StackError as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        if once:
            raise
    if not once:
        console.err.print("The demo has ended; nothing of it is left.")


def _start(once: bool, exits: ExitStack) -> None:
    with Startup() as startup:
        demo = exits.enter_context(running_demo(startup, Path.cwd()))
        _use(demo.environment)
        startup("Enabling the fabrics")
        demo.worker.wait_until(lambda: asyncio.run(_worker_polls()), START.total_seconds())
        asyncio.run(_enable())
        seen = _first_syncs(startup, demo) if once else None
    if seen:
        show_fabrics(seen, json=True)
    else:
        console.show(guide(demo))
        watch()


def _first_syncs(startup: Startup, demo: Demo) -> Sight | None:
    startup("Waiting for the first sync of each fabric")
    return demo.worker.wait_until(lambda: asyncio.run(_settled()), FIRST_SYNCS.total_seconds())


def _bypass_proxies() -> None:
    """Let this process reach the services of this machine directly, whatever proxy the user needs."""
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (direct, "127.0.0.1")))


def _use(environment: dict[str, str]) -> None:
    """Make this process's commands reach the demo, whatever the user has set for other places."""
    for name in [name for name in os.environ if name.startswith(("FABRIC_SYNC_", "TEMPORAL_"))]:
        del os.environ[name]
    os.environ.update(environment)


@contextmanager
def _stopped_once() -> Iterator[None]:
    """Every way to stop a program interrupts it, once."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_stop_signals()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_stop_signals() -> None:
    """Nothing may disturb the end, or something would be left behind."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


async def _worker_polls() -> bool:
    async with open_session() as session:
        return await session.loops.worker_polls()


async def _enable() -> None:
    async with open_session() as session:
        for fabric in await session.fabrics():
            await enable_one(session, fabric, ())


async def _settled() -> Sight | None:
    """All fabrics, once NetBox has the result of a first sync of each, at a moment when no sync is running."""
    async with open_session() as session:
        recorded = all(fabric.facts.last_sync for fabric in await session.fabrics())
        sight = await look(session, ())
    settled = recorded and not any(each.sync_status in UNSETTLED for each in sight.fabrics)
    return sight if settled else None
