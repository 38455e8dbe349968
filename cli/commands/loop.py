"""`sync`, `set-interval`, `pause` and `resume`: messages to a fabric's loop.

If there is no loop, an interval or a pause is written to the record, where the next loop finds it. If there is
no worker, the loop gets the message as a signal as soon as one runs.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import console
from cli.errors import CommandError, validate_input
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import FleetView, build_fabric_view
from cli.options import (
    AsJson,
    FabricName,
    PauseDuration,
    PauseEnd,
    parse_interval,
    parse_pause_end,
)
from cli.session import open_session
from cli.temporal.inventory import wait_for_inventory
from cli.temporal.loop_client import Message, NoLoop
from cli.views.results import show_fabrics, show_sync_result
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.config import RESUME, ConfigEdits
from fabrics.record.status_fields import build_config_fields

type SyncCall = Callable[[str, SyncRequest], Awaitable[SyncReport | None]]

Full = Annotated[bool, typer.Option("--full", help="Compare everything, even if it is unchanged.")]
AcceptEmpty = Annotated[bool, typer.Option("--accept-empty", help="Accept suddenly empty kinds.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Request the sync without waiting for it.")]
Seconds = Annotated[str, typer.Argument(metavar="SECONDS", help="5 to 2592000; 0 disables it.")]
Reason = Annotated[str, typer.Option(help="A text to show while it is paused.")]


def sync(
    fabric: FabricName,
    full: Full = False,
    accept_empty: AcceptEmpty = False,
    no_wait: NoWait = False,
    json: AsJson = False,
) -> None:
    """Sync a fabric now, and show the result."""
    request = SyncRequest(full=full, accept_empty=accept_empty)
    view, report = asyncio.run(_sync_fabric(fabric, request, wait=not no_wait))
    show_sync_result(view, report, json)
    inventory_is_unhealthy = full and any(
        overview.inventory_is_unhealthy for overview in view.fabrics
    )
    is_unhealthy = report is not None and (
        report.error or report.drift_count or inventory_is_unhealthy
    )
    raise typer.Exit(EXIT_UNHEALTHY if is_unhealthy else EXIT_OK)


def set_interval(fabric: FabricName, seconds: Seconds, json: AsJson = False) -> None:
    """Sync a fabric every SECONDS seconds from now on."""
    interval = parse_interval(seconds)
    edits = ConfigEdits(interval=interval)
    show_fabrics(asyncio.run(_send_message(fabric, "set_interval", (interval,), edits)), json)


def pause(
    fabric: FabricName,
    reason: Reason = "",
    duration: PauseDuration = "",
    until: PauseEnd = "",
    json: AsJson = False,
) -> None:
    """Pause a fabric's syncs until a time, or until it is resumed."""
    moment = parse_pause_end(duration, until, datetime.now(UTC))
    end = [moment.isoformat()] if moment else []  # earlier releases take no second argument
    edits = validate_input(lambda reason: ConfigEdits.pause(reason, *end), reason)
    show_fabrics(asyncio.run(_send_message(fabric, "pause", (reason, *end), edits)), json)


def resume(fabric: FabricName, json: AsJson = False) -> None:
    """Resume a paused fabric, on the same slots."""
    show_fabrics(asyncio.run(_send_message(fabric, "resume", (), RESUME)), json)


async def _sync_fabric(
    fabric_ref: str, request: SyncRequest, *, wait: bool
) -> tuple[FleetView, SyncReport | None]:
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        is_stopped = fabric.config.interval == 0
        status = await session.loops.get_status(fabric.fabric_id) if is_stopped else None
        check_can_sync(fabric, status)
        sync_call: SyncCall = session.loops.sync if wait else session.loops.request_sync
        with console.progress(f"Syncing {fabric.config.name}"):
            try:
                report = await sync_call(fabric.fabric_id, request)
            except NoLoop:  # somebody has terminated it
                await session.loops.start_or_reload(fabric.config)
                report = await sync_call(fabric.fabric_id, request)
            if report and request.full:
                report, status = await wait_for_inventory(session.loops, fabric.fabric_id, report)
            else:
                status = await session.loops.get_status(fabric.fabric_id)
        return build_fabric_view(session, fabric, status), report


def check_can_sync(fabric: Fabric, status: FabricStatus | None) -> None:
    """Raise `CommandError` if a fabric cannot be synced.

    The loop, once it has read the record, knows a new interval before the record does.
    """
    config, name = fabric.config, fabric.config.name
    interval = status.sync_interval if status and status.record_read else config.interval
    if config.kubernetes is None:
        raise CommandError(f"{name} is not configured: set its hh_kubernetes_server in NetBox.")
    if not config.active:
        raise CommandError(f"{name} is disabled: set its status in NetBox to active.")
    if not config.enabled:
        raise CommandError(f"{name} is disabled; `starter.py enable {fabric.ref}` enables it.")
    if interval == 0:
        raise CommandError(
            f"{name} is disabled because its interval is 0; `starter.py set-interval {fabric.ref} 300` enables it."
        )


async def _send_message(
    fabric_ref: str, message: Message, arguments: tuple[object, ...], edits: ConfigEdits
) -> FleetView:
    """Send a message to the loop; without a loop, write `edits` to the record."""
    async with open_session() as session:
        fabric = await session.get_fabric(fabric_ref)
        with console.progress(f"Messaging the loop of {fabric.config.name}"):
            try:
                answer = await session.loops.update(fabric.fabric_id, message, *arguments)
            except NoLoop:
                fields = build_config_fields(edits)
                edited = await records.write_fields(session, fabric, lambda _: fields)
                if edited.config.needs_loop:
                    await session.loops.start_or_reload(edited.config)
                return build_fabric_view(session, edited)
            # The loop plans its slots after it has answered.
            status = await session.loops.get_status(fabric.fabric_id) or answer
        return build_fabric_view(session, fabric, status)
