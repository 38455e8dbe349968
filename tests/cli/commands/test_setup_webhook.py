"""`starter.py setup --webhook URL`, and that `setup --remove` takes the webhook away as well."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from activities import setup
from activities.netbox.client import NetBox
from activities.setup.webhook import EVENT_RULES, WEBHOOKS
from cli.app import app
from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import Installation
from tests.support.webhooks.senders import SECRET

URL = "https://sync.example.com:8443/hooks"
MADE = [
    "webhook Fabric Sync",
    "event rule Fabric Sync: fabrics come and go",
    "event rule Fabric Sync: fabrics are edited",
]


@pytest.fixture
def admins(installation: Installation, starter: CommandLine) -> CommandLine:
    """The command line of NetBox's administrator."""
    return starter.with_(
        FABRIC_SYNC_NETBOX_TOKEN=installation.stack.netbox.token,
        TEMPORAL_UI_URL=installation.stack.temporal.ui_url,
        FABRIC_SYNC_WEBHOOK_SECRET=SECRET,
    )


def left(netbox: NetBox) -> list[str]:
    """The names of all webhooks and event rules."""
    return [row["name"] for path in (WEBHOOKS, EVENT_RULES) for row in netbox.list_rows(path)]


async def test_it_is_made_once_and_taken_away_with_the_rest(
    installation: Installation, admins: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await admins("setup")).code == 0  # whatever other tests have left
    made = await admins("setup", "--webhook", URL, "--json")
    assert (made.code, made.json["changes"]) == (0, [f"create {name}" for name in MADE])
    assert SECRET not in made.out + made.err
    [webhook] = await asyncio.to_thread(lambda: list(installation.admin.list_rows(WEBHOOKS)))
    assert (webhook["payload_url"], webhook["secret"]) == (f"{URL}/netbox", SECRET)
    again = await admins("setup", "--webhook", URL, "--json")
    assert (again.code, again.json["changes"]) == (0, [])

    # The rest stays here: other tests need it.
    monkeypatch.setattr(setup, "items", lambda *_: [])
    monkeypatch.setenv("TEMPORAL_ADDRESS", installation.stack.temporal.address)
    monkeypatch.setenv("FABRIC_SYNC_NETBOX_URL", installation.stack.netbox.url)
    monkeypatch.setenv("FABRIC_SYNC_NETBOX_TOKEN", installation.stack.netbox.token)
    remove = ["setup", "--remove", "--yes", "--json"]
    gone = await asyncio.to_thread(CliRunner().invoke, app, remove)
    assert json.loads(gone.stdout)["changes"] == [f"delete {name}" for name in reversed(MADE)]
    assert await asyncio.to_thread(left, installation.admin) == []


@pytest.mark.parametrize(
    "url", ["sync.example.com", "ftp://x", "https://me:pass@x", "https://x/?a=b", "https://{{x}}"]
)
async def test_a_url_that_cannot_be_used(admins: CommandLine, url: str) -> None:
    refused = await admins("setup", "--webhook", url)
    assert refused.refused("--webhook takes http://HOST:PORT"), refused
    assert "pass" not in refused.err.replace("password", "")


async def test_it_has_to_be_signed(admins: CommandLine) -> None:
    unsigned = admins.with_(FABRIC_SYNC_WEBHOOK_SECRET="")
    assert (await unsigned("setup", "--webhook", URL)).refused("set FABRIC_SYNC_WEBHOOK_SECRET")
    short = admins.with_(FABRIC_SYNC_WEBHOOK_SECRET="too short")
    refused = await short("setup", "--webhook", URL)
    assert refused.refused("FABRIC_SYNC_WEBHOOK_SECRET")
    assert "too short" not in refused.err
