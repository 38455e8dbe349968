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
from activities.netbox.client import CLUSTER_TYPE, CLUSTERS, RECORD_FIELDS, NetBox
from activities.setup import Change
from activities.setup.items import Item
from activities.setup.views import LOCAL_WEB_UI
from cli import console
from cli.errors import DONE, UNHEALTHY, Failure
from cli.options import AsJson, Yes, check_terminal
from cli.session import Session, open_session
from fabrics.record.status_fields import instance_of

Remove = Annotated[
    bool, typer.Option("--remove", help="Take it all away again, with every status in NetBox.")
]
WebUi = Annotated[
    str,
    typer.Option(
        envvar="TEMPORAL_UI_URL",
        metavar="URL",
        help="Temporal's Web UI, to link fabrics to. Without it NetBox keeps the link that it has; a new"
        f" one leads to {LOCAL_WEB_UI}.",
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


class Prepared(BaseModel, frozen=True):
    """What `--json` prints: `changes` as "create tag hedgehog-sync"; `token` only when it is new.

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
        check_terminal()
        question = "Take all settings and statuses of fabrics out of NetBox?"
        typer.confirm(question, abort=True, err=True)
    prepared = asyncio.run(_setup(web_ui, webhook, remove))
    if json:
        console.show_json(prepared)
    else:
        _show(prepared)
    raise typer.Exit(UNHEALTHY if prepared.trouble else DONE)


def _show(prepared: Prepared) -> None:
    for change in prepared.changes:
        console.show(change)
    if prepared.token:
        console.show("\nA token for the worker and for this command line, shown only now:")
        print(f"export FABRIC_SYNC_NETBOX_TOKEN={prepared.token}")
    if prepared.trouble:
        console.note(prepared.trouble)
    elif not prepared.changes:
        console.show("Everything is as it should be.")


async def _setup(web_ui: str, webhook: str, remove: bool) -> Prepared:
    async with open_session() as session:
        items = netbox_setup.items(web_ui, session.loops.client.namespace)
        secret = session.settings.webhook_secret
        if webhook:
            _check_webhook(webhook, secret)
        if webhook or remove:  # what is taken away is known by its names
            items += netbox_setup.webhook_items(webhook, secret)
        with console.progress("Reading NetBox") as spinner:
            return await (_take_away if remove else _prepare)(session, items, spinner)


def _check_webhook(url: str, secret: SecretStr) -> None:
    """NetBox takes `{{` for a template, and shows the URL to everybody who may see webhooks."""
    if not re.fullmatch(r"https?://[^\s/?#@{]+(/[^\s?#@{]*)?", url):
        raise Failure("--webhook takes http://HOST:PORT, without a user, a password or a query.")
    if not secret:
        raise Failure(
            "Webhooks are signed: set FABRIC_SYNC_WEBHOOK_SECRET to the same as for the worker."
        )


async def _prepare(session: Session, items: list[Item], spinner: Status) -> Prepared:
    changes = await asyncio.to_thread(_do, netbox_setup.apply(session.netbox, items), spinner)
    token = await asyncio.to_thread(netbox_setup.issue_token, session.netbox)
    client = session.loops.client
    try:
        added = await temporal.add_search_attributes(client)
    except RPCError as error:
        trouble = await _refusal(client, error)
        return Prepared(changes=changes, token=token, trouble=trouble)
    changes += [f"create search attribute {name}" for name in added]
    return Prepared(changes=changes, token=token)


async def _refusal(client: Client, error: RPCError) -> str:
    """What to do where Temporal leaves it to somebody else to register search attributes."""
    missing = await temporal.missing_search_attributes(client)
    wanted = ", ".join(f"{name} ({temporal.type_of(name)})" for name in missing)
    return (
        f"Temporal at {temporal.address()} takes no search attributes from you"
        f" ({one_line(error.message).rstrip('.')}). Loops run without, but nobody can filter by them: have"
        f" an operator of the namespace {client.namespace} add {wanted}, with `temporal operator"
        " search-attribute create` or in the settings of Temporal Cloud, then restart the worker."
    )


async def _take_away(session: Session, items: list[Item], spinner: Status) -> Prepared:
    """Search attributes stay: the histories of past loops have them."""
    if await session.loops.running():
        raise Failure("Loops still run; end them with `starter.py disable --all` first.")
    others = await asyncio.to_thread(_other_instances, session.netbox, session.instance)
    if others:
        raise Failure(
            f"Fabrics belong to other installations of Fabric Sync, too: {', '.join(others)}. Their fields,"
            " user and token are the same, so nothing was removed. Delete the records of those fabrics, or"
            " move each here first: `starter.py doctor FABRIC --take-over`."
        )
    changes = await asyncio.to_thread(_do, netbox_setup.remove(session.netbox, items), spinner)
    return Prepared(changes=changes, token=None)


def _other_instances(netbox: NetBox, own: str) -> list[str]:
    """Who else has claimed fabrics. Where our type or fields are gone already, nobody has."""
    rows = netbox.rows(CLUSTERS, fields=RECORD_FIELDS)
    claims = {instance_of(row) for row in rows if row["type"]["slug"] == CLUSTER_TYPE}
    return sorted(claims - {"", own})


def _do(changes: Iterable[Change], spinner: Status) -> list[str]:
    """Make the changes, showing the latest."""
    done = []
    for change in changes:
        done.append(str(change))
        spinner.update(Text(done[-1]))
    return done
