"""Is everything there that syncs need? `doctor` looks, and says one line a dependency."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer
from pydantic import BaseModel
from temporalio.service import RPCError

import temporal
from activities.errors import PermanentError, TransientError
from activities.netbox.client import NetBox
from activities.setup import check_netbox
from cli import console
from cli.errors import EXIT_OK, EXIT_UNHEALTHY, CommandError, describe_error, load_settings
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import get_fleet_view
from cli.options import AsJson
from cli.session import Session, connect_to_temporal
from cli.temporal import probes
from cli.temporal.loop_client import LoopClient, NoLoop
from cli.views.tables import render_check_table
from fabrics.check import Check
from fabrics.fleet.overview import FabricOverview
from fabrics.record.status import ConnectionStatus, SyncStatus
from fabrics.record.status_fields import get_owner_instance
from fabrics.record.task_queues import inventory_queue, observe_queue

Name = Annotated[str, typer.Argument(metavar="[FABRIC]", help="Look at this fabric, too.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Claim FABRIC from another installation.")
]


class DoctorOutput(BaseModel, frozen=True):
    """What `--json` prints."""

    checks: Sequence[Check]


def doctor(fabric: Name = "", take_over: TakeOver = False, json: AsJson = False) -> None:
    """Check what syncs depend on: NetBox, Temporal, the workers, and FABRIC if it is named."""
    if take_over and not fabric:
        raise CommandError("Name the fabric to take over: `starter.py doctor FABRIC --take-over`.")
    with console.progress("Checking NetBox, Temporal and the workers"):
        checks = asyncio.run(_run_checks(fabric, take_over))
    if json:
        console.show_json(DoctorOutput(checks=checks))
    else:
        console.show(render_check_table(checks))
    raise typer.Exit(EXIT_OK if all(check.ok for check in checks) else EXIT_UNHEALTHY)


async def _run_checks(fabric_ref: str, take_over: bool) -> list[Check]:
    settings = load_settings()
    with closing(NetBox.from_settings(settings)) as netbox:
        checks = await asyncio.to_thread(check_netbox, netbox)
        try:
            client = await connect_to_temporal()
            instance = await temporal.get_instance(client)
        except (temporal.TemporalUnreachable, CommandError, RPCError) as error:
            return [*checks, Check("Temporal", False, describe_error(error))]
        session = Session(settings, netbox, LoopClient(client, settings.task_queue), instance)
        of_temporal = await _check_temporal(session)
        readable = fabric_ref and checks[0].ok
        of_fabric = (
            await _try_check_fabric(session, fabric_ref, take_over, checks) if readable else []
        )
        return [*checks, *of_temporal, *of_fabric]


async def _try_check_fabric(
    session: Session, fabric_ref: str, take_over: bool, netbox_checks: Sequence[Check]
) -> list[Check]:
    """What there is to say of a fabric, also where what is wrong with NetBox keeps it out of sight."""
    try:
        return await _check_fabric(session, fabric_ref, take_over)
    except (CommandError, PermanentError, TransientError) as error:
        if isinstance(error, CommandError) and all(check.ok for check in netbox_checks):
            raise  # there is no such fabric
        return [Check("Record", False, str(error))]


async def _check_temporal(session: Session) -> list[Check]:
    loops = session.loops
    missing = await temporal.missing_search_attributes(loops.client)
    where = f"Temporal at {temporal.get_address()} answers, namespace {loops.client.namespace}."
    return [
        Check("Temporal", True, where),
        _make_check(
            "Search attributes",
            not missing,
            "Temporal knows all that loops set.",
            f"Temporal does not know {', '.join(missing)}: run `starter.py setup`,"
            " then restart the worker.",
        ),
        *await _check_workers(session),
        await _check_fleet(loops),
    ]


async def _check_workers(session: Session) -> list[Check]:
    loops, fabrics = session.loops, observe_queue(session.loops.task_queue)
    queues = {"Worker for loops": loops.task_queue, "Worker for fabrics": fabrics}
    if session.settings.inventory:
        queues["Worker for inventories"] = inventory_queue(fabrics)
    start = "start one with `python worker.py`."
    return [await _check_worker(loops, name, queue, start) for name, queue in queues.items()]


async def _check_site(session: Session, fabric: Fabric) -> list[Check]:
    """The workers at a site of the fabric's own."""
    site = fabric.config.task_queue
    if site in ("", session.loops.task_queue):
        return []
    queues = {"Worker of its site": site}
    if session.settings.inventory:
        queues["Worker for its inventory"] = inventory_queue(site)
    start = f"start one there with `python worker.py --task-queue {site} --activities-only`."
    return [
        await _check_worker(session.loops, name, queue, start) for name, queue in queues.items()
    ]


async def _check_worker(loops: LoopClient, name: str, queue: str, start_hint: str) -> Check:
    return _make_check(
        name,
        await loops.has_worker(queue),
        f'A worker takes work from the task queue "{queue}".',
        f'No worker takes work from the task queue "{queue}": {start_hint}',
    )


async def _check_fleet(loops: LoopClient) -> Check:
    """Records that it could not deal with are named with what is wrong about them."""
    try:
        fleet = await loops.get_fleet_summary()
    except NoLoop:
        return Check("Fleet", False, "It does not run: start a worker, which starts it.")
    if fleet is None:
        return Check("Fleet", False, "It does not answer: start a worker, which keeps it running.")
    trouble = " ".join((fleet.error, *fleet.problems)).strip()
    return _make_check("Fleet", fleet.is_healthy, "It finds every fabric its loop.", trouble)


async def _check_fabric(session: Session, fabric_ref: str, take_over: bool) -> list[Check]:
    fabric = await session.get_fabric(fabric_ref)
    if take_over:
        fabric = await records.take_over(session, fabric)
    sight = await get_fleet_view(session, [fabric.record_ref])
    if not sight.fabrics:  # NetBox has gone since
        raise TransientError(sight.netbox_error)
    seen = sight.fabrics[0]
    return [
        _check_record(fabric),
        _check_owner(session, fabric),
        _check_loop(seen, sight.loops_error),
        _check_connection(seen),
        *await _check_site(session, fabric),
        *await _check_sources(session, fabric),
    ]


async def _check_sources(session: Session, fabric: Fabric) -> list[Check]:
    """What a worker finds that can reach the fabric."""
    try:
        return await probes.diagnose(session.loops, fabric.config)
    except CommandError as error:
        return [Check("Git and Kubernetes", False, f"They were not tried. {error}")]


def _check_record(fabric: Fabric) -> Check:
    return _make_check(
        "Record",
        not fabric.config.problems,
        f"The record {fabric.record_ref} of {fabric.config.name} makes sense.",
        " ".join(fabric.config.problems),
    )


def _check_owner(session: Session, fabric: Fabric) -> Check:
    owner, ours = get_owner_instance(fabric.record), session.instance
    return _make_check(
        "Installation",
        owner in ("", ours),
        f"The record is {'this installation' if owner else 'nobody'}'s.",
        f"The record belongs to another installation, {owner}:"
        f" `starter.py doctor {fabric.record_ref} --take-over` moves it here.",
    )


def _check_loop(overview: FabricOverview, error: str) -> Check:
    if overview.sync_status in (SyncStatus.DISABLED, SyncStatus.NOT_CONFIGURED):
        return Check("Loop", True, f"{overview.name} is {overview.sync_status}: it needs none.")
    if overview.lost:
        error = f"None runs: `starter.py enable {overview.fabric_id}` starts it."
    elif overview.stale and not error:
        last = f"{overview.last_success:%Y-%m-%d %H:%M:%S} UTC"
        theirs = f"its loop is that of {overview.owner}" if overview.owner else ""
        error = f"No success since {last}: {theirs or f'see `starter.py history {overview.fabric_id}`'}."
    return _make_check("Loop", not error, f"It runs, every {overview.sync_interval} s.", error)


def _check_connection(overview: FabricOverview) -> Check:
    failed = overview.connection_status is ConnectionStatus.ERROR or bool(overview.sync_error)
    return _make_check(
        "Last sync",
        not failed,
        "The fabric answered." if overview.last_sync else "There has been none.",
        overview.sync_error or overview.connection_error,
    )


def _make_check(name: str, ok: bool, success_text: str, failure_text: str) -> Check:
    return Check(name, ok, success_text if ok else failure_text)
