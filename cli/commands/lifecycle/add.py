"""`add`: create a fabric's record in NetBox."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from typer import Argument, Option

from activities.netbox.client import Row
from cli import console
from cli.commands.lifecycle.enable_disable import enable_fabric
from cli.errors import CommandError
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import FleetView, build_fabric_view
from cli.options import AsJson, parse_interval
from cli.session import open_session
from cli.views.results import show_fabrics
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import make_fabric_id

MAX_NAME_CHARS = 100
"""The longest cluster name that NetBox accepts."""

NewName = Annotated[str, Argument(metavar="FABRIC", help="Name of the new fabric.")]
Server = Annotated[str, Option(metavar="URL", help="Its Kubernetes API.")]
Namespace = Annotated[str, Option(metavar="NAME", help="Its namespace; default `default`.")]
ApiFabric = Annotated[
    str, Option(metavar="NAME", help="One of several fabrics of its API; default all.")
]
Repository = Annotated[
    str, Option(metavar="URL", help="Its desired state; if omitted, only the inventory syncs.")
]
Branch = Annotated[str, Option(metavar="NAME", help="Branch in Git; default `main`.")]
Directory = Annotated[str, Option(metavar="PATH", help="Directory in Git; default `/`.")]
Credentials = Annotated[
    str, Option(metavar="NAME", help="The worker's credential; default the fabric id.")
]
Interval = Annotated[str, Option(metavar="SECONDS", help="Seconds between syncs; default 300.")]
TaskQueue = Annotated[
    str, Option(metavar="NAME", help="Task queue of the fabric's remote workers.")
]
Enable = Annotated[bool, Option("--enable", help="Enable its sync at once.")]


def add(  # noqa: PLR0913, PLR0917  one parameter an option
    fabric: NewName,
    kubernetes_server: Server,
    git_repository: Repository = "",
    git_branch: Branch = "",
    git_directory: Directory = "",
    credentials: Credentials = "",
    interval: Interval = "",
    namespace: Namespace = "",
    fabric_name: ApiFabric = "",
    task_queue: TaskQueue = "",
    enable: Enable = False,
    json: AsJson = False,
) -> None:
    """Add a fabric to NetBox; with --enable, start its loop, too."""
    fields = {
        "hh_kubernetes_server": kubernetes_server,
        "hh_kubernetes_namespace": namespace,
        "hh_fabric_name": fabric_name,
        "hh_git_repository": git_repository,
        "hh_git_branch": git_branch,
        "hh_git_directory": git_directory,
        "hh_credentials": credentials,
        "hh_sync_interval": parse_interval(interval) if interval else None,
        "hh_task_queue": task_queue,
    }
    given = {name: value for name, value in fields.items() if value not in ("", None)}
    show_fabrics(asyncio.run(_add_fabric(fabric.strip(), given, enable)), json)


async def _add_fabric(name: str, fields: Row, enable: bool) -> FleetView:
    async with open_session() as session:
        with console.progress(f"Adding {name}"):
            existing = await session.list_fabrics()
            used_ids = {fabric.fabric_id for fabric in existing}
            _check_new_fabric(name, fields, existing)
            fields = {"hh_fabric_id": make_fabric_id(name, used_ids), **fields}
            record = await asyncio.to_thread(session.netbox.create_record, name, fields)
            added = Fabric.from_record(record)
            if enable:
                added = await enable_fabric(session, added, used_ids)
        if enable and not await session.loops.has_worker():
            console.note(session.loops.no_worker_text)
        return build_fabric_view(session, added)


def _check_new_fabric(name: str, fields: Row, existing: Sequence[Fabric]) -> None:
    """Raise `CommandError` for a name or a value that would not work."""
    if not 0 < len(name) <= MAX_NAME_CHARS:
        raise CommandError(f"A name must have 1 to {MAX_NAME_CHARS} characters, not {len(name)}.")
    if any(name in fabric.names for fabric in existing):
        raise CommandError(
            f'There is already a fabric "{name}"; `starter.py status "{name}"` shows it.'
        )
    row = {"id": 0, "name": name, "status": {"value": "active"}, "custom_fields": fields}
    problems = parse_config(row).problems
    if problems:
        raise CommandError(" ".join(problems))
