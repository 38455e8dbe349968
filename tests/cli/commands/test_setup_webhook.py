"""`setup --webhook URL`, and that `setup --remove` deletes the webhook, too."""

import asyncio

import pytest

from activities import setup
from activities.netbox.client import NetBox
from activities.setup.webhook import EVENT_RULES, WEBHOOKS
from tests.support.cli.command_line import OFFLINE, CommandLine
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

    monkeypatch.setattr(setup, "all_items", lambda *_: [])  # other tests need what it would remove
    removed = await admins("setup", "--remove", "--yes", "--json")
    assert removed.json["changes"] == [f"delete {name}" for name in reversed(CREATED)]
    assert await asyncio.to_thread(webhook_names, installation.admin) == []


@pytest.mark.parametrize(
    "url", ["sync.example.com", "ftp://x", "https://me:pass@x", "https://x/?a=b", "https://{{x}}"]
)
async def test_unusable_url_is_refused(url: str) -> None:
    refused = await OFFLINE.with_(FABRIC_SYNC_WEBHOOK_SECRET=SECRET)("setup", "--webhook", url)
    assert refused.is_refused("--webhook must be http://HOST:PORT"), refused
    assert "pass" not in refused.err.replace("password", "")


async def test_webhook_needs_a_secret() -> None:
    unsigned = await OFFLINE("setup", "--webhook", URL)
    assert unsigned.is_refused("use the worker's FABRIC_SYNC_WEBHOOK_SECRET"), unsigned
    short = OFFLINE.with_(FABRIC_SYNC_WEBHOOK_SECRET="too short")
    refused = await short("setup", "--webhook", URL)
    assert refused.is_refused("FABRIC_SYNC_WEBHOOK_SECRET")
    assert "too short" not in refused.err
