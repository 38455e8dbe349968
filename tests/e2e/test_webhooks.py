"""A real worker with webhooks: edits and pushes take effect within seconds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, closing

import pytest
from pydantic import SecretStr

from activities import setup
from activities.netbox.client import CLUSTERS_PATH
from stack.processes.ports import PortPool
from tests.support.system.fleet import wait_for_round
from tests.support.system.installation import (
    SERVERS,
    Installation,
    in_yaml,
    manifest,
    shown_status,
    wait_until,
)
from tests.support.webhooks import senders
from tests.support.webhooks.receiver import post
from tests.support.webhooks.senders import SECRET


@pytest.fixture
async def receiver_url(installation: Installation, cleanup: ExitStack) -> AsyncIterator[str]:
    """The URL at which workers receive webhooks; NetBox is configured to send them."""
    ports = cleanup.enter_context(closing(PortPool()))
    port = ports.reserve(8765)
    url = f"http://127.0.0.1:{port}"
    installation.overrides |= {
        "FABRIC_SYNC_WEBHOOK_PORT": str(port),
        "FABRIC_SYNC_WEBHOOK_SECRET": SECRET,
        "FABRIC_SYNC_FLEET_INTERVAL": "3600",  # rounds detect edits, too
    }
    items = setup.webhook_items(url, SecretStr(SECRET))
    await asyncio.to_thread(lambda: list(setup.apply(installation.admin, items)))
    yield url
    await asyncio.to_thread(lambda: list(setup.remove(installation.admin, items)))


async def test_edits_and_pushes_take_effect_at_once(
    installation: Installation, receiver_url: str
) -> None:
    desired = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(
        desired, SERVERS, hh_sync_enabled=False, hh_sync_interval=3600
    )
    async with installation.worker_process() as worker:
        await fabric.wait_for_status("disabled")
        await wait_for_round(installation)  # the next scheduled round is an hour away
        enabled = {"custom_fields": {"hh_sync_enabled": True}}
        await asyncio.to_thread(installation.admin.update, CLUSTERS_PATH, fabric.record_id, enabled)
        await wait_until(fabric.record, lambda record: shown_status(record) != "disabled")
        await fabric.wait_for_status("in_sync")

        more = [*SERVERS, manifest("Server", "server-4", {"description": "number 4"})]
        commit = fabric.repository.commit({"fabric.yaml": in_yaml(more)})
        push = senders.push("", commit="f" * 40, clone_url=fabric.repository.url)
        assert await post(f"{receiver_url}/git", senders.github(push)) == 202
        record = await fabric.wait_for_status("out_of_sync")
        assert (record["commit"], record["drift_count"]) == (commit, 1), "that of the repository"
    assert worker.returncode == 0


async def test_push_of_a_missing_branch_ends_the_error_at_once(
    installation: Installation, receiver_url: str
) -> None:
    desired = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(
        desired, SERVERS, hh_git_branch="release", hh_sync_interval=3600
    )
    async with installation.worker():
        failed = await fabric.wait_for_status("error")
        assert "release" in failed["sync_error"]

        commit = await asyncio.to_thread(fabric.repository.commit, {}, branch="release")
        push = senders.push("", "release", clone_url=fabric.repository.url)
        assert await post(f"{receiver_url}/git", senders.github(push)) == 202
        record = await fabric.wait_for_status("in_sync")  # the next slot is an hour away
        assert (record["commit"], record["sync_error"]) == (commit, None)
