"""`enable` and `disable`: switch the sync of fabrics on and off."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Annotated, Final

import typer

from activities.errors import NoResponseError
from cli import console
from cli.errors import OPERATOR_ERRORS, CommandError
from cli.exit_codes import EXIT_FAILURE, EXIT_OK
from cli.fabrics import records
from cli.fabrics.fabric import Fabric, select_fabrics
from cli.fabrics.fleet_view import FleetView, build_fleet_view
from cli.options import AsJson, FabricNames
from cli.session import Session, open_session
from cli.temporal.loop_client import NoLoop
from cli.views.results import show_fabrics

LOOP_END_TIMEOUT: Final = timedelta(seconds=15)
"""How long `disable` waits for loops to end: a running sync stops before its next request to NetBox."""

AllFabrics = Annotated[bool, typer.Option("--all", help="All fabrics in NetBox.")]


type BatchResult = tuple[FleetView, bool]
"""The fabrics for which a command succeeded, and whether it failed for others."""


def enable(
    fabrics: FabricNames = None, all_fabrics: AllFabrics = False, json: AsJson = False
) -> None:
    """Enable the sync of fabrics, and sync them at once."""
    _show_result(asyncio.run(_enable_fabrics(_check_selection(fabrics, all_fabrics))), json)


def disable(
    fabrics: FabricNames = None, all_fabrics: AllFabrics = False, json: AsJson = False
) -> None:
    """Disable the sync of fabrics. Nothing is deleted."""
    _show_result(asyncio.run(_disable_fabrics(_check_selection(fabrics, all_fabrics))), json)


def _check_selection(fabrics: list[str] | None, all_fabrics: bool) -> list[str]:
    if bool(fabrics) == all_fabrics:
        raise CommandError("Name the fabrics, or give --all, but not both.")
    return fabrics or []


def _show_result(result: BatchResult, json: bool) -> None:
    view, any_failed = result
    if view.fabrics or not any_failed:
        show_fabrics(view, json)
    raise typer.Exit(EXIT_FAILURE if any_failed else EXIT_OK)


async def _enable_fabrics(fabric_refs: list[str]) -> BatchResult:
    async with open_session() as session:
        await warn_if_no_worker(session, "Loops start now and sync once a worker runs.")
        fabrics = await session.list_fabrics()
        selected = select_fabrics(fabrics, fabric_refs)
        used_ids = {fabric.fabric_id for fabric in fabrics}

        async def enable_one(fabric: Fabric) -> Fabric:
            enabled = await enable_fabric(session, fabric, used_ids)
            used_ids.add(enabled.fabric_id)
            return enabled

        enabled, any_failed = await run_for_each("Enabling", selected, enable_one)
        running = {fabric.fabric_id for fabric in enabled if fabric.config.needs_loop}
        return build_fleet_view(session, enabled, running, {}), any_failed


async def enable_fabric(session: Session, fabric: Fabric, used_ids: Collection[str]) -> Fabric:
    """Enable one fabric, and start its loop if its record is complete."""
    enabled = await records.enable(session, fabric, used_ids)
    await session.loops.start_or_reload(enabled.config)
    if enabled.config.needs_loop:
        with suppress(NoLoop):
            await session.loops.signal(enabled.fabric_id, "sync_now")
    return enabled


async def _disable_fabrics(fabric_refs: list[str]) -> BatchResult:
    async with open_session() as session:
        consequence = "Records are updated now; loops end as soon as a worker runs."
        worker = await warn_if_no_worker(session, consequence)
        selected = await session.select_fabrics(fabric_refs)

        async def disable_one(fabric: Fabric) -> Fabric:
            disabled = await records.disable(session, fabric)
            with suppress(NoLoop):
                await session.loops.signal(disabled.fabric_id, "record_changed")
            return disabled

        disabled, any_failed = await run_for_each("Disabling", selected, disable_one)
        if worker and disabled:
            await _wait_for_loops_to_end(session, disabled)
            # Only now do the records show the last syncs.
            disabled = await session.select_fabrics(fabric.record_ref for fabric in disabled)
        return build_fleet_view(session, disabled, (), {}), any_failed


async def run_for_each(
    progress_verb: str, fabrics: Sequence[Fabric], action: Callable[[Fabric], Awaitable[Fabric]]
) -> tuple[list[Fabric], bool]:
    """Run `action` for every fabric; return the results and whether any failed.

    Raises `NoResponseError`: each further fabric would wait for NetBox as long as the first.
    """
    done = []
    for number, fabric in enumerate(fabrics, start=1):
        name = fabric.config.name
        with console.progress(f"{progress_verb} {name} ({number} of {len(fabrics)})"):
            try:
                done.append(await action(fabric))
            except NoResponseError:
                raise
            except OPERATOR_ERRORS as error:
                text = str(error)
                console.print_error(text if name in text else f"{name}: {text}")
    return done, len(done) < len(fabrics)


async def _wait_for_loops_to_end(session: Session, disabled: Sequence[Fabric]) -> None:
    with console.progress("Waiting for the loops to end"):
        wait = session.loops.wait_until_ended
        ended = await asyncio.gather(*(wait(f.fabric_id, LOOP_END_TIMEOUT) for f in disabled))
    busy = [f.config.name for f, done in zip(disabled, ended, strict=True) if not done]
    if busy:
        console.note(f"Disabled, but their loops have not ended yet: {', '.join(busy)}.")


async def warn_if_no_worker(session: Session, consequence: str) -> bool:
    """Return whether a worker runs; print the consequence if none does."""
    worker = await session.loops.has_worker()
    if not worker:
        console.note(f"{session.loops.no_worker_text} {consequence}")
    return worker
