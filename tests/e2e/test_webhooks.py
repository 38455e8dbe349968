"""A real worker that takes webhooks: what people edit and push counts within seconds."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from activities import setup
from activities.netbox.client import CLUSTERS_PATH
from stack.processes.ports import choose_port
from tests.support.system.fleet import fleet_of
from tests.support.system.installation import SERVERS, Installation, in_yaml, manifest, shown, until
from tests.support.webhooks import senders
from tests.support.webhooks.receiver import post
from tests.support.webhooks.senders import SECRET
from workflows.fleet import Fleet

AT_ONCE = 20
"""Seconds: less than from one round of the fleet to the next, which would have noticed as well."""


@pytest.fixture
async def receiver_url(installation: Installation) -> AsyncIterator[str]:
    """Where workers of this installation will take webhooks, which NetBox has been told of."""
    port = choose_port(0)
    url = f"http://127.0.0.1:{port}"
    installation.changes |= {
        "FABRIC_SYNC_WEBHOOK_PORT": str(port),
        "FABRIC_SYNC_WEBHOOK_SECRET": SECRET,
    }
    items = setup.webhook_items(url, SecretStr(SECRET))
    await asyncio.to_thread(lambda: list(setup.apply(installation.admin, items)))
    yield url
    await asyncio.to_thread(lambda: list(setup.remove(installation.admin, items)))


async def round_made(installation: Installation) -> None:
    """The fleet has just looked, so its next round of its own accord is half a minute away."""
    fleet = fleet_of(installation.client)
    began = datetime.now(UTC)

    async def checked() -> datetime | None:
        return (await fleet.query(Fleet.summary)).checked

    await fleet.signal(Fleet.record_changed)
    await until(checked, lambda at: at is not None and at > began)


async def test_edits_and_pushes_count_at_once(
    installation: Installation, receiver_url: str
) -> None:
    desired = {"fabric.yaml": in_yaml(SERVERS)}
    fabric = await installation.fabric(
        desired, SERVERS, hh_sync_enabled=False, hh_sync_interval=3600
    )
    async with installation.worker() as worker:
        await fabric.recorded("disabled")
        await round_made(installation)
        enabled = {"custom_fields": {"hh_sync_enabled": True}}
        await asyncio.to_thread(installation.admin.update, CLUSTERS_PATH, fabric.record_id, enabled)
        await until(fabric.record, lambda record: shown(record) != "disabled", AT_ONCE)
        await fabric.recorded(
            "in_sync"
        )  # the first slot of a new loop is half a minute away at most

        more = [*SERVERS, manifest("Server", "server-4", {"description": "number 4"})]
        commit = fabric.repository.commit({"fabric.yaml": in_yaml(more)})
        push = senders.push("", clone_url=fabric.repository.url)
        assert await post(f"{receiver_url}/git", senders.github(push)) == 202
        record = await fabric.recorded("out_of_sync")
        assert (record["commit"], record["drift_count"]) == (commit, 1)
    assert worker.returncode == 0
