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
from cli.commands.enable_disable import enable_fabric
from cli.commands.watch import watch
from cli.demo.guide import render_guide
from cli.demo.startup_progress import StartupProgress
from cli.errors import CommandError
from cli.fabrics.fleet_view import FleetView, get_fleet_view
from cli.session import open_session
from cli.views.results import show_fabrics
from fabrics.record.status import SyncStatus
from stack.demo.demo import Demo, running_demo
from stack.processes.supervisor import StackError

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORKER_START_TIMEOUT: Final = timedelta(seconds=60)
FIRST_SYNCS_TIMEOUT: Final = timedelta(minutes=10)
"""The first syncs load the inventories, half a minute's work for a NetBox that has the machine to itself."""
UNSETTLED_STATUSES: Final = {SyncStatus.NEVER_SYNCED, SyncStatus.SYNCING}


def run_demo(once: bool) -> None:
    """Run the demo until somebody stops it; with `once`, until every fabric has been synced."""
    _bypass_proxies()
    try:
        with _interrupt_once(), ExitStack() as exits:
            try:
                _start(once, exits)
            finally:
                _ignore_stop_signals()
                with console.progress("Shutting everything down"):
                    exits.close()
    except StackError as error:
        raise CommandError(str(error)) from None
    except KeyboardInterrupt:
        if once:
            raise
    if not once:
        console.err.print("The demo has ended; nothing of it is left.")


def _start(once: bool, exits: ExitStack) -> None:
    with StartupProgress() as startup:
        demo = exits.enter_context(running_demo(startup, Path.cwd()))
        _set_environment(demo.environment)
        startup("Enabling the fabrics")
        demo.worker.wait_until(
            lambda: asyncio.run(_is_worker_polling()), WORKER_START_TIMEOUT.total_seconds()
        )
        asyncio.run(_enable_fabrics())
        seen = _wait_for_first_syncs(startup, demo) if once else None
    if seen:
        show_fabrics(seen, json=True)
    else:
        console.show(render_guide(demo))
        watch()


def _wait_for_first_syncs(startup: StartupProgress, demo: Demo) -> FleetView | None:
    startup("Waiting for the first sync of each fabric")
    return demo.worker.wait_until(
        lambda: asyncio.run(_get_view_if_settled()), FIRST_SYNCS_TIMEOUT.total_seconds()
    )


def _bypass_proxies() -> None:
    """Let this process reach the services of this machine directly, whatever proxy the user needs."""
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (direct, "127.0.0.1")))


def _set_environment(environment: dict[str, str]) -> None:
    """Make this process's commands reach the demo, whatever the user has set for other places."""
    for name in [name for name in os.environ if name.startswith(("FABRIC_SYNC_", "TEMPORAL_"))]:
        del os.environ[name]
    os.environ.update(environment)


@contextmanager
def _interrupt_once() -> Iterator[None]:
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


async def _is_worker_polling() -> bool:
    async with open_session() as session:
        return await session.loops.has_worker()


async def _enable_fabrics() -> None:
    async with open_session() as session:
        for fabric in await session.list_fabrics():
            await enable_fabric(session, fabric, ())


async def _get_view_if_settled() -> FleetView | None:
    """All fabrics, once NetBox has the result of a first sync of each, at a moment when no sync is running."""
    async with open_session() as session:
        recorded = all(fabric.last_known.last_sync for fabric in await session.list_fabrics())
        sight = await get_fleet_view(session, ())
    settled = recorded and not any(each.sync_status in UNSETTLED_STATUSES for each in sight.fabrics)
    return sight if settled else None
