"""`setup`: prepare NetBox and Temporal."""

import asyncio
import re
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
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
from activities.secrets.sources import webhook_secret
from activities.setup import Change
from activities.setup.access import RENEWAL_PERIOD
from activities.setup.items import Item
from activities.setup.views import LOCAL_WEB_UI_URL
from cli import console
from cli.errors import CommandError, load_settings
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.options import AsJson, Yes, require_terminal
from cli.session import Session, open_session
from fabrics.record.installation import describe_other_owners
from fabrics.record.status_fields import find_other_owner

Remove = Annotated[bool, typer.Option("--remove", help="Undo setup, and delete all statuses.")]
WebUi = Annotated[
    str,
    typer.Option(
        envvar="TEMPORAL_UI_URL",
        metavar="URL",
        help="Temporal's Web UI, to which NetBox links fabrics. If omitted, an existing link stays, and a new"
        f" one leads to {LOCAL_WEB_UI_URL}.",
    ),
]
Webhook = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Where NetBox reaches a worker's webhook receiver (http://HOST:PORT), to report edits at once."
        " Signed with FABRIC_SYNC_WEBHOOK_SECRET, or the first line of its file.",
    ),
]


TokenExpires = Annotated[
    int | None,
    typer.Option(
        min=30,
        metavar="DAYS",
        help="When a token that is created now expires. If omitted, it does not. A new one is created in the last"
        f" {RENEWAL_PERIOD.days} days of the former.",
    ),
]


class SetupOutput(BaseModel, frozen=True):
    """The JSON of `setup`: "create tag hedgehog-sync" etc., and a new token.

    `trouble` says what Temporal refused and what to do; empty if it has all search attributes.
    """

    changes: list[str]
    token: str | None
    trouble: str = ""


def setup(  # noqa: PLR0913, PLR0917  one parameter an option
    remove: Remove = False,
    web_ui: WebUi = "",
    webhook: Webhook = "",
    token_expires: TokenExpires = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """Prepare NetBox and Temporal; whatever exists already stays.

    FABRIC_SYNC_NETBOX_TOKEN must be an administrator's token.
    """
    if webhook:
        _check_webhook(webhook)
    if remove and not yes:
        require_terminal()
        question = "Remove all settings and statuses of fabrics from NetBox?"
        console.confirm(question)
    lifetime = timedelta(days=token_expires) if token_expires else None
    output = asyncio.run(_run_setup(web_ui, webhook, remove, lifetime))
    if json:
        console.show_json(output)
    else:
        _show_output(output)
    raise typer.Exit(EXIT_UNHEALTHY if output.trouble else EXIT_OK)


def _show_output(output: SetupOutput) -> None:
    for change in output.changes:
        console.show(change)
    if output.token:
        console.show("\nToken for the worker and the command line (shown only once):")
        console.show_line(f"export FABRIC_SYNC_NETBOX_TOKEN={output.token}")
    if output.trouble:
        console.note(output.trouble)
    elif not output.changes:
        console.show("Nothing to change.")


async def _run_setup(
    web_ui: str, webhook: str, remove: bool, lifetime: timedelta | None
) -> SetupOutput:
    async with open_session() as session:
        items = netbox_setup.all_items(web_ui, session.loops.client.namespace)
        if webhook or remove:  # `remove` finds them by name, whatever the URL
            secret = webhook_secret(session.settings).read_all()[0]
            items += netbox_setup.webhook_items(webhook, SecretStr(secret))
        with console.progress("Reading NetBox") as spinner:
            if remove:
                return await _remove_setup(session, items, spinner)
            return await _apply_setup(session, items, spinner, lifetime)


def _check_webhook(url: str) -> None:
    """Raise `CommandError` for an unusable URL, or without a secret.

    NetBox takes `{{` for a template, and shows the URL to everybody who may see webhooks.
    """
    if not re.fullmatch(r"https?://[^\s/?#@{]+(/[^\s?#@{]*)?", url):
        raise CommandError("--webhook must be http://HOST:PORT without user, password or query.")
    if not webhook_secret(load_settings()).read_all()[0]:
        raise CommandError("Webhooks are signed: use the worker's FABRIC_SYNC_WEBHOOK_SECRET.")


async def _apply_setup(
    session: Session, items: list[Item], spinner: Status, lifetime: timedelta | None
) -> SetupOutput:
    changes = await _run_changes(netbox_setup.apply(session.netbox, items), spinner)
    issue_token = partial(netbox_setup.issue_token, session.netbox, lifetime=lifetime)
    token = await asyncio.to_thread(issue_token)
    client = session.loops.client
    try:
        added = await temporal.add_search_attributes(client)
    except RPCError as error:
        refusal = await _describe_refusal(client, error)
        return SetupOutput(changes=changes, token=token, trouble=refusal)
    changes += [f"create search attribute {name}" for name in added]
    return SetupOutput(changes=changes, token=token)


async def _describe_refusal(client: Client, error: RPCError) -> str:
    """Explain what to do if Temporal refuses to register search attributes."""
    names = await temporal.missing_search_attributes(client)
    missing = ", ".join(f"{name} ({temporal.format_search_attribute_type(name)})" for name in names)
    return (
        f"Temporal at {temporal.get_address()} does not let you register search attributes"
        f" ({one_line(error.message).rstrip('.')}). Loops run without them, but you cannot filter by them. Ask an"
        f" operator of the namespace {client.namespace} to add {missing}, with `temporal operator"
        " search-attribute create` or in the settings of Temporal Cloud, then restart the worker."
    )


async def _remove_setup(session: Session, items: list[Item], spinner: Status) -> SetupOutput:
    """Remove `items`. Search attributes stay, as the histories of loops have them."""
    if await session.loops.list_running():
        raise CommandError("Loops are still running; run `starter.py disable --all` first.")
    others = await asyncio.to_thread(_describe_others, session.netbox, session.instance)
    if others:
        raise CommandError(
            "Nothing was removed, since other installations of Fabric Sync need the same fields, user and token."
            f" {' '.join(others)} Or delete the records of those fabrics."
        )
    changes = await _run_changes(netbox_setup.remove(session.netbox, items), spinner)
    return SetupOutput(changes=changes, token=None)


def _describe_others(netbox: NetBox, own_instance: str) -> list[str]:
    """Describe the other owners of fabrics; none if our fields are gone already."""
    rows = netbox.list_rows(CLUSTERS_PATH, fields=RECORD_FIELDS)
    return describe_other_owners(
        find_other_owner(row, own_instance)
        for row in rows
        if row["type"]["slug"] == CLUSTER_TYPE_SLUG
    )


async def _run_changes(changes: Iterable[Change], spinner: Status) -> list[str]:
    """Make the changes in a thread, and show the latest beside the spinner."""

    def show(change: Change) -> str:
        spinner.update(Text(str(change)))
        return str(change)

    return await asyncio.to_thread(lambda: [show(change) for change in changes])
