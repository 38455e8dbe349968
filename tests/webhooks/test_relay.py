"""Signals to many fabrics that one push affects."""

import asyncio
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

from temporalio.client import Client

from activities.netbox.client import NetBox, Row
from fabrics.loop.loop import workflow_id
from tests.support.webhooks import senders
from webhooks.payloads import parse_push
from webhooks.relay import MAX_CONCURRENT_SIGNALS, Relay

REPOSITORY = "https://git.example/fabrics.git"


class CountingClient:
    """A client that notes whom it signals, and how many calls are open at a time."""

    def __init__(self) -> None:
        self.signalled = list[str]()
        self.max_open = 0
        self._open = 0

    def get_workflow_handle(self, id_: str) -> SimpleNamespace:
        """Return a handle of which only `signal` exists."""

        async def signal(name: str, **options: object) -> None:
            self._open += 1
            self.max_open = max(self.max_open, self._open)
            await asyncio.sleep(0)  # other signals begin before this one has ended
            self._open -= 1
            self.signalled.append(id_)

        return SimpleNamespace(signal=signal)


def list_records(fabric_ids: Iterable[str]) -> list[Row]:
    """Return the record of each fabric; all follow one repository."""
    fields = {
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_git_repository": REPOSITORY,
    }
    return [
        {"id": 1, "name": id_, "status": "active", "custom_fields": fields | {"hh_fabric_id": id_}}
        for id_ in fabric_ids
    ]


async def test_push_that_affects_many_fabrics_signals_a_few_at_a_time() -> None:
    client, netbox = CountingClient(), Mock(spec=NetBox)
    fabric_ids = [f"fabric-{number}" for number in range(3 * MAX_CONCURRENT_SIGNALS)]
    netbox.list_records.return_value = list_records(fabric_ids)
    relay = Relay(cast(Client, cast(Any, client)), netbox)
    push = parse_push(senders.push("", clone_url=REPOSITORY))
    assert push is not None
    await relay.sync_affected_fabrics([push])
    assert sorted(client.signalled) == sorted(map(workflow_id, fabric_ids))
    assert client.max_open == MAX_CONCURRENT_SIGNALS
