"""`doctor`: check everything that syncs depend on, one line per check."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from typing import Annotated

import typer

import temporal
from activities.checks import Check
from activities.errors import PermanentError, TransientError
from activities.executions import check_key
from activities.fleet.installation import get_instance
from activities.netbox.client import NetBox
from activities.secrets.sources import netbox_token
from activities.setup import check_netbox, check_token
from cli import console
from cli.errors import CommandError, load_settings
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import build_fleet_view, get_fleet_view
from cli.options import AsJson
from cli.session import Session, connect_to_temporal
from cli.temporal import probes
from cli.temporal.loop_client import LoopClient, NoLoop
from cli.temporal.notification_targets import check_targets
from cli.views.results import show_checks
from fabrics.fleet.overview import FabricOverview
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.record.installation import describe_other_owners
from fabrics.record.status_fields import find_other_owner, get_owner_instance
from fabrics.record.sync_status import ConnectionStatus, SyncStatus
from fabrics.record.task_queues import inventory_queue, observe_queue
from fabrics.times import format_time
from settings import Settings

CheckedName = Annotated[str, typer.Argument(metavar="[FABRIC]", help="Check this fabric, too.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Claim FABRIC from another installation.")
]


def doctor(fabric: CheckedName = "", take_over: TakeOver = False, json: AsJson = False) -> None:
    """Check NetBox, Temporal, the workers, and FABRIC if it is named."""
    if take_over and not fabric:
        raise CommandError("Name the fabric to take over: `starter.py doctor FABRIC --take-over`.")
    with console.progress("Checking NetBox, Temporal and the workers"):
        checks = asyncio.run(_run_checks(fabric, take_over))
    show_checks(checks, json)


async def _run_checks(fabric_ref: str, take_over: bool) -> list[Check]:
    settings = load_settings()
    with closing(NetBox.from_settings(settings)) as netbox:
        checks = await asyncio.to_thread(_check_netbox, netbox, settings)
        try:
            client = await connect_to_temporal(settings)
            instance = await get_instance(client)
            await check_key(client, FLEET_WORKFLOW_ID)
        except (
            temporal.TemporalUnreachable,
            CommandError,
            PermanentError,
            TransientError,
        ) as error:
            return [*checks, Check("Temporal", False, str(error))]
        session = Session(settings, netbox, LoopClient(client, settings.task_queue), instance)
        temporal_checks = await _check_temporal(session)
        if not checks[0].ok:
            return [*checks, *temporal_checks]
        record_checks = await _try_check_records(session, fabric_ref, take_over, checks)
        return [*checks, *temporal_checks, *record_checks]


def _check_netbox(netbox: NetBox, settings: Settings) -> list[Check]:
    checks = check_netbox(netbox)
    if not all(check.ok for check in checks):
        return checks
    token = netbox_token(settings.netbox_token, settings.netbox_token_file).read_token()
    return [*checks, check_token(netbox, token)]


async def _try_check_records(
    session: Session, fabric_ref: str, take_over: bool, netbox_checks: Sequence[Check]
) -> list[Check]:
    """Check the fabric, or who owns all; report records that NetBox does not show."""
    try:
        if fabric_ref:
            return await _check_fabric(session, fabric_ref, take_over)
        return [await _check_owners(session)]
    except (CommandError, PermanentError, TransientError) as error:
        if isinstance(error, CommandError) and all(check.ok for check in netbox_checks):
            raise  # no such fabric: a usage error
        return [Check("Record", False, str(error))]


async def _check_temporal(session: Session) -> list[Check]:
    loops = session.loops
    missing = await temporal.missing_search_attributes(loops.client)
    answer = f"Temporal at {temporal.get_address()} answers, namespace {loops.client.namespace}."
    return [
        Check("Temporal", True, answer),
        _make_check(
            "Search attributes",
            not missing,
            "Temporal has all search attributes that loops set.",
            f"Temporal lacks {', '.join(missing)}: run `starter.py setup`,"
            " then restart the worker.",
        ),
        *await _check_workers(session),
        await _check_fleet(loops),
        *await check_targets(loops),
    ]


async def _check_workers(session: Session) -> list[Check]:
    queue = session.loops.task_queue
    queues = {"Worker for loops": queue, "Worker for fabrics": observe_queue(queue)}
    if session.settings.inventory:
        queues["Worker for inventories"] = inventory_queue(observe_queue(queue))
    return await _check_queues(session.loops, queues, "start one with `python worker.py`.")


async def _check_site(session: Session, fabric: Fabric) -> list[Check]:
    """Check the fabric's remote workers, if its record names their queue."""
    site = fabric.config.task_queue
    if site in ("", session.loops.task_queue):
        return []
    queues = {"Remote worker": site}
    if session.settings.inventory:
        queues["Remote worker for the inventory"] = inventory_queue(site)
    start_hint = f"start one there with `python worker.py --task-queue {site} --activities-only`."
    return await _check_queues(session.loops, queues, start_hint)


async def _check_queues(loops: LoopClient, queues: dict[str, str], start_hint: str) -> list[Check]:
    place = temporal.describe_namespace(loops.client)
    return [
        _make_check(
            name,
            await loops.has_worker(queue),
            f'A worker takes work from the task queue "{queue}".',
            f'No worker takes work from the task queue "{queue}" in {place}: {start_hint}',
        )
        for name, queue in queues.items()
    ]


async def _check_fleet(loops: LoopClient) -> Check:
    try:
        fleet = await loops.get_fleet_summary()
    except NoLoop:
        place = temporal.describe_namespace(loops.client)
        sentence = f"The fleet workflow is not running in {place}; any worker there starts it."
        return Check("Fleet", False, sentence)
    if fleet is None:
        return Check("Fleet", False, "The fleet workflow does not answer; check the workers.")
    errors = " ".join((fleet.error, *fleet.problems)).strip()
    return _make_check("Fleet", fleet.is_healthy, "The fleet workflow starts all loops.", errors)


async def _check_owners(session: Session) -> Check:
    """Name other owners of fabrics, which fail the check if they no longer sync them."""
    view = build_fleet_view(session, await session.list_fabrics(), (), {})
    is_neglected = any(fabric.owner and fabric.stale for fabric in view.fabrics)
    owners = describe_other_owners(fabric.owner for fabric in view.fabrics)
    all_ours = f"No fabric belongs to another installation than this one, {session.instance}."
    return Check("Owners", not is_neglected, " ".join(owners) or all_ours)


async def _check_fabric(session: Session, fabric_ref: str, take_over: bool) -> list[Check]:
    fabric = await session.get_fabric(fabric_ref)
    if take_over:
        fabric = await records.take_over(session, fabric)
    view = await get_fleet_view(session, [fabric.record_ref])
    if not view.fabrics:  # NetBox has become unreachable
        raise TransientError(view.netbox_error)
    overview = view.fabrics[0]
    owner = get_owner_instance(fabric.record)
    failed = overview.connection_status is ConnectionStatus.ERROR or bool(overview.sync_error)
    return [
        _make_check(
            "Record",
            not fabric.config.problems,
            f"The record {fabric.record_ref} of {fabric.config.name} is valid.",
            " ".join(fabric.config.problems),
        ),
        _make_check(
            "Installation",
            not find_other_owner(fabric.record, session.instance),
            f"The record belongs to {'this' if owner else 'no'} installation.",
            f"The record belongs to another installation, {owner}:"
            f" `starter.py doctor {fabric.record_ref} --take-over` moves it here.",
        ),
        _check_loop(overview, view.loops_error),
        _make_check(
            "Last sync",
            not failed,
            "The fabric answered." if overview.last_sync else "No sync has ended yet.",
            overview.sync_error or overview.connection_error,
        ),
        *await _check_site(session, fabric),
        *await _check_sources(session, fabric),
    ]


async def _check_sources(session: Session, fabric: Fabric) -> list[Check]:
    """Have a worker that can reach the fabric check Git and Kubernetes."""
    try:
        return await probes.diagnose(session.loops, fabric.config)
    except CommandError as error:
        return [Check("Git and Kubernetes", False, f"Git and Kubernetes were not checked. {error}")]


def _check_loop(overview: FabricOverview, error: str) -> Check:
    if overview.sync_status in (SyncStatus.DISABLED, SyncStatus.NOT_CONFIGURED):
        return Check("Loop", True, f"{overview.name} is {overview.sync_status}: it needs no loop.")
    if overview.lost:
        error = f"No loop is running: `starter.py enable {overview.fabric_id}` starts it."
    elif overview.stale and not error:
        hint = f"see `starter.py history {overview.fabric_id}`"
        if overview.owner:
            hint = f"its loop belongs to {overview.owner}"
        error = f"No success since {format_time(overview.last_success)}: {hint}."
    rhythm = overview.pause_text or f"Syncs every {overview.sync_interval} s."
    return _make_check("Loop", not error, rhythm, error)


def _make_check(name: str, ok: bool, success_text: str, failure_text: str) -> Check:
    return Check(name, ok, success_text if ok else failure_text)
