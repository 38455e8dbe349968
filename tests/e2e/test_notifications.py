"""A fabric that fails for good is told to a real receiver."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from activities.notifications import webhook
from tests.support.cli.command_line import CommandLine
from tests.support.notifications.receiver import SECRET, Receiver, receiver, write_targets
from tests.support.system.fleet import wait_for_round
from tests.support.system.installation import SERVERS, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
SINGLE_SLOTS = {
    "FABRIC_SYNC_CONCURRENT_OBSERVES": "1",
    "FABRIC_SYNC_CONCURRENT_UNRESPONSIVE_OBSERVES": "1",
    "FABRIC_SYNC_CONCURRENT_NETBOX_CALLS": "1",
}


@pytest.fixture
def hooks(installation: Installation, tmp_path: Path) -> Iterator[Receiver]:
    """A receiver that is the only target of the installation's workers."""
    with receiver() as running:
        # workflows of other tests have other targets
        file = write_targets(tmp_path, **{installation.queue: running})
        installation.overrides["FABRIC_SYNC_NOTIFICATIONS_FILE"] = str(file)
        yield running


def find_news(hooks: Receiver, fabric_id: str) -> list[dict[str, Any]]:
    """Return what the receiver was told of a fabric in error, maybe with others."""
    events = [Webhook(SECRET).verify(hook.body, hook.headers)["data"] for hook in hooks.received]
    told = [news for event in events if event["state"] == "error" for news in event["fabrics"]]
    return [news for news in told if news["fabric_id"] == fabric_id]


async def test_fabric_in_error_is_told_and_the_targets_are_shown(
    installation: Installation, hooks: Receiver
) -> None:
    starter = CommandLine(installation.variables)
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5, hh_git_branch="nowhere")
    async with installation.worker():
        await fabric.wait_for_status("error")

        async def list_news() -> list[dict[str, Any]]:
            return find_news(hooks, fabric.fabric_id)

        [news] = await wait_until(list_news, bool)
        assert "has no branch nowhere" in news["reason"]
        shown = await starter("notify", "--json")
        [target] = [check for check in shown.json["checks"] if installation.queue in check["name"]]
        assert target["ok"]
        assert target["sentence"].startswith("Fabrics whose trouble was told: ")


async def test_target_that_hangs_holds_up_neither_syncs_nor_rounds(
    installation: Installation, hooks: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "ANSWER_SECONDS", 600)  # nothing but the receiver ends a request
    broken = await installation.fabric(IN_GIT, SERVERS, hh_git_branch="nowhere")
    healthy = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
    async with installation.worker(**SINGLE_SLOTS):
        with hooks.silence():
            await healthy.wait_for_status("in_sync")
            await broken.wait_for_status("error")
            await wait_until(hooks.count_received, bool)
            before = await healthy.status()
            await healthy.wait_for_syncs(before.syncs + 3)
            assert (await wait_for_round(installation)).error == ""


async def test_test_message_arrives_and_a_refusal_is_shown(
    installation: Installation, hooks: Receiver
) -> None:
    starter = CommandLine(installation.variables)
    async with installation.worker():
        tested = await starter("notify", "--test")
        assert tested.code == 0
        assert "It took a test message." in tested.out
        [received] = hooks.received
        assert json.loads(received.body)["data"]["state"] == "test"
        hooks.status = 500
        refused = await starter("notify", "--test", "--json")
        assert (refused.code, refused.json["checks"][0]["ok"]) == (1, False)


async def test_without_targets_the_error_names_the_setting(installation: Installation) -> None:
    starter = CommandLine(installation.variables)
    async with installation.worker():
        refused = await starter("notify", "--test")
        assert refused.is_refused("FABRIC_SYNC_NOTIFICATIONS_FILE")
