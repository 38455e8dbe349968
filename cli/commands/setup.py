"""Preparing NetBox and Temporal: `setup`."""

import asyncio
import re
from collections.abc import Iterable
from typing import Annotated

import typer
from pydantic import BaseModel, SecretStr
from rich.status import Status
from rich.text import Text
from temporalio.client import Client
from temporalio.service import RPCError

import temporal
from activities import setup as netbox_setup
from activities.errors import one_line
from activities.netbox.client import CLUSTER_TYPE_SLUG, CLUSTERS_PATH, RECORD_FIELDS, NetBox
from activities.setup import Change
from activities.setup.items import Item
from activities.setup.views import LOCAL_WEB_UI_URL
from cli import console
from cli.errors import EXIT_OK, EXIT_UNHEALTHY, CommandError
from cli.options import AsJson, Yes, require_terminal
from cli.session import Session, open_session
from fabrics.record.status_fields import get_owner_instance

Remove = Annotated[
    bool, typer.Option("--remove", help="Take it all away again, with every status in NetBox.")
]
WebUi = Annotated[
    str,
    typer.Option(
        envvar="TEMPORAL_UI_URL",
        metavar="URL",
        help="Temporal's Web UI, to link fabrics to. Without it NetBox keeps the link that it has; a new"
        f" one leads to {LOCAL_WEB_UI_URL}.",
    ),
]
Webhook = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where NetBox reaches a worker's webhook receiver (http://HOST:PORT), to tell it of edits at once."
        " Signed with FABRIC_SYNC_WEBHOOK_SECRET.",
    ),
]


class SetupOutput(BaseModel, frozen=True):
    """What `--json` prints: `make_changes` as "create tag hedgehog-sync"; `token` only when it is new.

    `trouble` says what Temporal refused and what to do; empty where it has all that loops set.
    """

    changes: list[str]
    token: str | None
    trouble: str = ""


def setup(
    remove: Remove = False,
    web_ui: WebUi = "",
    webhook: Webhook = "",
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Prepare NetBox and Temporal; whatever is there already stays.

    FABRIC_SYNC_NETBOX_TOKEN has to be an administrator's for this.
    """
    if remove and not yes:
        require_terminal()
        question = "Take all settings and statuses of fabrics out of NetBox?"
        typer.confirm(question, abort=True, err=True)
    prepared = asyncio.run(_run_setup(web_ui, webhook, remove))
    if json:
        console.show_json(prepared)
    else:
        _show_output(prepared)
    raise typer.Exit(EXIT_UNHEALTHY if prepared.trouble else EXIT_OK)


def _show_output(output: SetupOutput) -> None:
    for change in output.changes:
        console.show(change)
    if output.token:
        console.show("\nA token for the worker and for this command line, shown only now:")
        print(f"export FABRIC_SYNC_NETBOX_TOKEN={output.token}")
    if output.trouble:
        console.note(output.trouble)
    elif not output.changes:
        console.show("Everything is as it should be.")


async def _run_setup(web_ui: str, webhook: str, remove: bool) -> SetupOutput:
    async with open_session() as session:
        items = netbox_setup.all_items(web_ui, session.loops.client.namespace)
        secret = session.settings.webhook_secret
        if webhook:
            _check_webhook(webhook, secret)
        if webhook or remove:  # what is taken away is known by its names
            items += netbox_setup.webhook_items(webhook, secret)
        with console.progress("Reading NetBox") as spinner:
            return await (_remove_setup if remove else _apply_setup)(session, items, spinner)


def _check_webhook(url: str, secret: SecretStr) -> None:
    """NetBox takes `{{` for a template, and shows the URL to everybody who may see webhooks."""
    if not re.fullmatch(r"https?://[^\s/?#@{]+(/[^\s?#@{]*)?", url):
        raise CommandError(
            "--webhook takes http://HOST:PORT, without a user, a password or a query."
        )
    if not secret:
        raise CommandError(
            "Webhooks are signed: set FABRIC_SYNC_WEBHOOK_SECRET to the same as for the worker."
        )


async def _apply_setup(session: Session, items: list[Item], spinner: Status) -> SetupOutput:
    changes = await asyncio.to_thread(
        _run_changes, netbox_setup.apply(session.netbox, items), spinner
    )
    token = await asyncio.to_thread(netbox_setup.issue_token, session.netbox)
    client = session.loops.client
    try:
        added = await temporal.add_search_attributes(client)
    except RPCError as error:
        trouble = await _describe_refusal(client, error)
        return SetupOutput(changes=changes, token=token, trouble=trouble)
    changes += [f"create search attribute {name}" for name in added]
    return SetupOutput(changes=changes, token=token)


async def _describe_refusal(client: Client, error: RPCError) -> str:
    """What to do where Temporal leaves it to somebody else to register search attributes."""
    missing = await temporal.missing_search_attributes(client)
    wanted = ", ".join(
        f"{name} ({temporal.format_search_attribute_type(name)})" for name in missing
    )
    return (
        f"Temporal at {temporal.get_address()} takes no search attributes from you"
        f" ({one_line(error.message).rstrip('.')}). Loops run without, but nobody can filter by them: have"
        f" an operator of the namespace {client.namespace} add {wanted}, with `temporal operator"
        " search-attribute create` or in the settings of Temporal Cloud, then restart the worker."
    )


async def _remove_setup(session: Session, items: list[Item], spinner: Status) -> SetupOutput:
    """Search attributes stay: the histories of past loops have them."""
    if await session.loops.list_running_ids():
        raise CommandError("Loops still run; end them with `starter.py disable --all` first.")
    others = await asyncio.to_thread(_find_other_instances, session.netbox, session.instance)
    if others:
        raise CommandError(
            f"Fabrics belong to other installations of Fabric Sync, too: {', '.join(others)}. Their fields,"
            " user and token are the same, so nothing was removed. Delete the records of those fabrics, or"
            " move each here first: `starter.py doctor FABRIC --take-over`."
        )
    changes = await asyncio.to_thread(
        _run_changes, netbox_setup.remove(session.netbox, items), spinner
    )
    return SetupOutput(changes=changes, token=None)


def _find_other_instances(netbox: NetBox, own_instance: str) -> list[str]:
    """Who else has claimed fabrics. Where our type or fields are gone already, nobody has."""
    rows = netbox.list_rows(CLUSTERS_PATH, fields=RECORD_FIELDS)
    claims = {get_owner_instance(row) for row in rows if row["type"]["slug"] == CLUSTER_TYPE_SLUG}
    return sorted(claims - {"", own_instance})


def _run_changes(changes: Iterable[Change], spinner: Status) -> list[str]:
    """Make the changes, showing the latest."""
    done = []
    for change in changes:
        done.append(str(change))
        spinner.update(Text(done[-1]))
    return done
