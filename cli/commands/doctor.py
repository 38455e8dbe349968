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
from cli.errors import DONE, UNHEALTHY, Failure, load_settings, sentence_of
from cli.fabrics import records
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import look
from cli.options import AsJson
from cli.session import Session, connect
from cli.temporal import probes
from cli.temporal.loop_client import Loops, NoLoop
from cli.views.tables import check_table
from fabrics.check import Check
from fabrics.fleet.overview import FabricOverview
from fabrics.record.status import ConnectionStatus, SyncStatus
from fabrics.record.status_fields import instance_of
from workflows.activity_calls import inventory_queue, observe_queue

Name = Annotated[str, typer.Argument(metavar="[FABRIC]", help="Look at this fabric, too.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Claim FABRIC from another installation.")
]


class Checks(BaseModel, frozen=True):
    """What `--json` prints."""

    checks: Sequence[Check]


def doctor(fabric: Name = "", take_over: TakeOver = False, json: AsJson = False) -> None:
    """Check what syncs depend on: NetBox, Temporal, the workers, and FABRIC if it is named."""
    if take_over and not fabric:
        raise Failure("Name the fabric to take over: `starter.py doctor FABRIC --take-over`.")
    with console.progress("Checking NetBox, Temporal and the workers"):
        checks = asyncio.run(_doctor(fabric, take_over))
    if json:
        console.show_json(Checks(checks=checks))
    else:
        console.show(check_table(checks))
    raise typer.Exit(DONE if all(check.ok for check in checks) else UNHEALTHY)


async def _doctor(wanted: str, take_over: bool) -> list[Check]:
    settings = load_settings()
    with closing(NetBox.from_settings(settings)) as netbox:
        checks = await asyncio.to_thread(check_netbox, netbox)
        try:
            client = await connect()
            instance = await temporal.instance(client)
        except (temporal.TemporalUnreachable, Failure, RPCError) as error:
            return [*checks, Check("Temporal", False, sentence_of(error))]
        session = Session(settings, netbox, Loops(client, settings.task_queue), instance)
        of_temporal = await _check_temporal(session)
        readable = wanted and checks[0].ok
        of_fabric = await _check_readable(session, wanted, take_over, checks) if readable else []
        return [*checks, *of_temporal, *of_fabric]


async def _check_readable(
    session: Session, wanted: str, take_over: bool, of_netbox: Sequence[Check]
) -> list[Check]:
    """What there is to say of a fabric, also where what is wrong with NetBox keeps it out of sight."""
    try:
        return await _check_fabric(session, wanted, take_over)
    except (Failure, PermanentError, TransientError) as error:
        if isinstance(error, Failure) and all(check.ok for check in of_netbox):
            raise  # there is no such fabric
        return [Check("Record", False, str(error))]


async def _check_temporal(session: Session) -> list[Check]:
    loops = session.loops
    missing = await temporal.missing_search_attributes(loops.client)
    where = f"Temporal at {temporal.address()} answers, namespace {loops.client.namespace}."
    return [
        Check("Temporal", True, where),
        _check(
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


async def _check_worker(loops: Loops, name: str, queue: str, start: str) -> Check:
    return _check(
        name,
        await loops.worker_polls(queue),
        f'A worker takes work from the task queue "{queue}".',
        f'No worker takes work from the task queue "{queue}": {start}',
    )


async def _check_fleet(loops: Loops) -> Check:
    """Records that it could not deal with are named with what is wrong about them."""
    try:
        fleet = await loops.fleet()
    except NoLoop:
        return Check("Fleet", False, "It does not run: start a worker, which starts it.")
    if fleet is None:
        return Check("Fleet", False, "It does not answer: start a worker, which keeps it running.")
    trouble = " ".join((fleet.error, *fleet.problems)).strip()
    return _check("Fleet", fleet.healthy, "It finds every fabric its loop.", trouble)


async def _check_fabric(session: Session, wanted: str, take_over: bool) -> list[Check]:
    fabric = await session.fabric(wanted)
    if take_over:
        fabric = await records.take_over(session, fabric)
    sight = await look(session, [fabric.number])
    if not sight.fabrics:  # NetBox has gone since
        raise TransientError(sight.netbox_error)
    seen = sight.fabrics[0]
    return [
        _check_record(fabric),
        _check_owner(session, fabric),
        _check_loop(seen, sight.trouble),
        _check_connection(seen),
        *await _check_site(session, fabric),
        *await _check_sources(session, fabric),
    ]


async def _check_sources(session: Session, fabric: Fabric) -> list[Check]:
    """What a worker finds that can reach the fabric."""
    try:
        return await probes.examine(session.loops, fabric.config)
    except Failure as error:
        return [Check("Git and Kubernetes", False, f"They were not tried. {error}")]


def _check_record(fabric: Fabric) -> Check:
    return _check(
        "Record",
        not fabric.config.problems,
        f"The record {fabric.number} of {fabric.config.name} makes sense.",
        " ".join(fabric.config.problems),
    )


def _check_owner(session: Session, fabric: Fabric) -> Check:
    owner, ours = instance_of(fabric.record), session.instance
    return _check(
        "Installation",
        owner in ("", ours),
        f"The record is {'this installation' if owner else 'nobody'}'s.",
        f"The record belongs to another installation, {owner}:"
        f" `starter.py doctor {fabric.number} --take-over` moves it here.",
    )


def _check_loop(seen: FabricOverview, trouble: str) -> Check:
    if seen.sync_status in (SyncStatus.DISABLED, SyncStatus.NOT_CONFIGURED):
        return Check("Loop", True, f"{seen.name} is {seen.sync_status}: it needs none.")
    if seen.lost:
        trouble = f"None runs: `starter.py enable {seen.fabric_id}` starts it."
    elif seen.stale and not trouble:
        last = f"{seen.last_success:%Y-%m-%d %H:%M:%S} UTC"
        theirs = f"its loop is that of {seen.owner}" if seen.owner else ""
        trouble = (
            f"No success since {last}: {theirs or f'see `starter.py history {seen.fabric_id}`'}."
        )
    return _check("Loop", not trouble, f"It runs, every {seen.sync_interval} s.", trouble)


def _check_connection(seen: FabricOverview) -> Check:
    failed = seen.connection_status is ConnectionStatus.ERROR or bool(seen.sync_error)
    return _check(
        "Last sync",
        not failed,
        "The fabric answered." if seen.last_sync else "There has been none.",
        seen.sync_error or seen.connection_error,
    )


def _check(name: str, ok: bool, good: str, bad: str) -> Check:
    return Check(name, ok, good if ok else bad)
