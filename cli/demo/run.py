"""The demo: start everything, show the fabrics, and stop everything."""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from cli import console
from cli.commands.lifecycle.enable_disable import enable_fabric
from cli.commands.watch import watch
from cli.demo.guide import render_guide
from cli.demo.startup_progress import startup_progress
from cli.errors import CommandError
from cli.fabrics.fleet_view import FleetView, get_fleet_view
from cli.session import open_session
from cli.views.results import show_fabrics
from fabrics.record.sync_status import InventoryState, SyncStatus
from stack.cache import Progress
from stack.demo.demo import Demo, running_demo
from stack.processes.supervisor import StackError

STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WORKER_START_SECONDS: Final = 60
FIRST_SYNCS_SECONDS: Final = 600
"""After the first syncs the inventories are loaded, which takes NetBox half a minute on an idle machine."""
PAUSE_SECONDS: Final = 1
"""Between two looks at what is awaited: each takes time from those who do it."""
UNSETTLED_STATUSES: Final = {SyncStatus.NEVER_SYNCED, SyncStatus.SYNCING}
UNSETTLED_INVENTORIES: Final = {InventoryState.RUNNING, InventoryState.BEHIND}


def run_demo(once: bool) -> None:
    """Run the demo until it is stopped; with `once`, until all fabrics are synced."""
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
        console.err.print("The demo has ended, and everything that it started is gone.")


def _start(once: bool, exits: ExitStack) -> None:
    with startup_progress() as startup:
        demo = exits.enter_context(running_demo(startup, Path.cwd()))
        _set_environment(demo.environment)
        startup("Enabling the fabrics")
        demo.worker.wait_until(
            lambda: asyncio.run(_is_worker_polling()), WORKER_START_SECONDS, PAUSE_SECONDS
        )
        asyncio.run(_enable_fabrics())
        view = _wait_for_first_syncs(startup, demo) if once else None
    if view:
        show_fabrics(view, json=True)
    else:
        console.show(render_guide(demo))
        watch()


def _wait_for_first_syncs(startup: Progress, demo: Demo) -> FleetView | None:
    startup("Waiting for the first sync of each fabric")
    return demo.worker.wait_until(
        lambda: asyncio.run(_get_view_if_settled()), FIRST_SYNCS_SECONDS, PAUSE_SECONDS
    )


def _bypass_proxies() -> None:
    """Make this process reach local services directly, without the user's proxy."""
    hosts = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, (hosts, "127.0.0.1")))


def _set_environment(environment: dict[str, str]) -> None:
    """Point this process's commands at the demo, whatever else the user has set."""
    for name in [name for name in os.environ if name.startswith(("FABRIC_SYNC_", "TEMPORAL_"))]:
        del os.environ[name]
    os.environ.update(environment)


@contextmanager
def _interrupt_once() -> Iterator[None]:
    """Raise one KeyboardInterrupt for the first stop signal, and ignore the others."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_stop_signals()
        raise KeyboardInterrupt

    previous = {number: signal.signal(number, interrupt) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _ignore_stop_signals() -> None:
    """Ignore stop signals: an interrupted shutdown would leave processes behind."""
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
    """Return the view if NetBox has each first sync, and nothing is being synced."""
    async with open_session() as session:
        recorded = all(fabric.last_known.last_sync for fabric in await session.list_fabrics())
        view = await get_fleet_view(session, ())
    statuses = {fabric.sync_status for fabric in view.fabrics}
    inventories = {fabric.inventory_state for fabric in view.fabrics}
    settled = not (statuses & UNSETTLED_STATUSES or inventories & UNSETTLED_INVENTORIES)
    return view if recorded and settled else None
