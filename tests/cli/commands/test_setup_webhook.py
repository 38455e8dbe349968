"""`setup --webhook URL`, and that `setup --remove` deletes the webhook, too."""

import asyncio
import json

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from activities import setup
from activities.netbox.client import NetBox
from activities.setup.webhook import EVENT_RULES, WEBHOOKS
from cli.app import app
from cli.commands.setup import check_webhook
from cli.errors import CommandError
from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import Installation
from tests.support.webhooks.senders import SECRET

URL = "https://sync.example.com:8443/hooks"
CREATED = [
    "webhook Fabric Sync",
    "event rule Fabric Sync: fabrics added or deleted",
    "event rule Fabric Sync: fabrics edited",
]


@pytest.fixture
def admins(installation: Installation, starter: CommandLine) -> CommandLine:
    """A command line with the token of NetBox's administrator."""
    return starter.with_(
        FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token,
        TEMPORAL_UI_URL=installation.stack.temporal.ui_url,
        FABRIC_SYNC_WEBHOOK_SECRET=SECRET,
    )


def webhook_names(netbox: NetBox) -> list[str]:
    """Return the names of all webhooks and event rules."""
    return [row["name"] for path in (WEBHOOKS, EVENT_RULES) for row in netbox.list_rows(path)]


async def test_webhook_is_created_once_and_removed(
    installation: Installation, admins: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await admins("setup")).code == 0  # whatever other tests have left
    created = await admins("setup", "--webhook", URL, "--json")
    assert (created.code, created.json["changes"]) == (0, [f"create {name}" for name in CREATED])
    assert SECRET not in created.out + created.err
    [webhook] = await asyncio.to_thread(lambda: list(installation.admin.list_rows(WEBHOOKS)))
    assert (webhook["payload_url"], webhook["secret"]) == (f"{URL}/netbox", SECRET)
    again = await admins("setup", "--webhook", URL, "--json")
    assert (again.code, again.json["changes"]) == (0, [])

    # Nothing else is removed: other tests need it.
    monkeypatch.setattr(setup, "all_items", lambda *_: [])
    monkeypatch.setenv("TEMPORAL_ADDRESS", installation.stack.temporal.address)
    monkeypatch.setenv("FABRIC_SYNC_NETBOX_URL", installation.stack.netbox.url)
    monkeypatch.setenv("FABRIC_SYNC_NETBOX_TOKEN", installation.stack.netbox.token)
    remove = ["setup", "--remove", "--yes", "--json"]
    removed = await asyncio.to_thread(CliRunner().invoke, app, remove)
    assert json.loads(removed.stdout)["changes"] == [f"delete {name}" for name in reversed(CREATED)]
    assert await asyncio.to_thread(webhook_names, installation.admin) == []


@pytest.mark.parametrize(
    "url", ["sync.example.com", "ftp://x", "https://me:pass@x", "https://x/?a=b", "https://{{x}}"]
)
def test_unusable_url_is_refused(url: str) -> None:
    with pytest.raises(CommandError, match="--webhook must be http://HOST:PORT") as refused:
        check_webhook(url, SecretStr(SECRET))
    assert "pass" not in str(refused.value).replace("password", "")


async def test_setup_refuses_unusable_url(admins: CommandLine) -> None:
    refused = await admins("setup", "--webhook", "https://me:pass@x")
    assert refused.is_refused("--webhook must be http://HOST:PORT"), refused
    assert "pass" not in refused.err.replace("password", "")


async def test_webhook_needs_a_secret(admins: CommandLine) -> None:
    unsigned = admins.with_(FABRIC_SYNC_WEBHOOK_SECRET="")
    assert (await unsigned("setup", "--webhook", URL)).is_refused(
        "use the worker's FABRIC_SYNC_WEBHOOK_SECRET"
    )
    short = admins.with_(FABRIC_SYNC_WEBHOOK_SECRET="too short")
    refused = await short("setup", "--webhook", URL)
    assert refused.is_refused("FABRIC_SYNC_WEBHOOK_SECRET")
    assert "too short" not in refused.err
