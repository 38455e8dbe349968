"""The events that the real NetBox sends once its webhook is set up.

NetBox's background worker sends events in order. So if only the event of a later edit arrives, earlier edits
have fired none.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from activities import setup
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.setup import Action
from activities.setup.fields import CONFIG_FIELD_NAMES
from fabrics.record.config import ConfigEdits
from fabrics.record.status_fields import find_changed_fields
from fabrics.record.sync_status import ConnectionStatus, LastKnownState
from tests.support.netbox.records import MakeRecord
from tests.support.system.installation import wait_until
from tests.support.webhooks.senders import SECRET
from webhooks.receiver import create_app
from webhooks.server import running_server

VALUES: dict[str, object] = {
    "hh_fabric_id": "another-id",
    "hh_sync_enabled": False,
    "hh_sync_interval": 3600,
    "hh_paused": True,
    "hh_pause_reason": "maintenance",
    "hh_paused_until": "2099-12-24T08:00:00Z",
    "hh_kubernetes_server": "https://10.0.0.2:6443",
    "hh_kubernetes_namespace": "fabric",
    "hh_fabric_name": "fabric-a",
    "hh_credentials": "shared",
    "hh_git_repository": "https://git.example.com/net/dc2.git",
    "hh_git_branch": "lab",
    "hh_git_directory": "dc2",
    "hh_managed_kinds": ["VPC"],
    "hh_task_queue": "site-2",
}
"""A new value for each config field except the site, which must be created first."""


class ReceivedEvents:
    """Collects the ids of the records for which NetBox has sent events, in order."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    async def wait_for(self, count: int) -> list[int]:
        """Return the ids as soon as there are `count` of them."""
        return await wait_until(self._get_ids, lambda ids: len(ids) >= count)

    async def wait_for_event_of(self, row: Row) -> list[int]:
        """Return the ids as soon as the record's is among them."""
        return await wait_until(self._get_ids, lambda ids: row["id"] in ids)

    async def _get_ids(self) -> list[int]:
        return list(self.ids)


def ignore(_: object) -> None:
    """Ignore pushes: none is expected."""


@asynccontextmanager
async def set_up(admin: NetBox, url: str, secret: str) -> AsyncIterator[list[setup.Change]]:
    """Set up the webhook, yield the changes, and remove it by names alone."""
    items = setup.webhook_items(url, SecretStr(secret))
    yield await asyncio.to_thread(lambda: list(setup.apply(admin, items)))
    names = setup.webhook_items("", SecretStr(""))
    undone = await asyncio.to_thread(lambda: list(setup.remove(admin, names)))
    assert {change.action for change in undone} == {Action.DELETE}


@pytest.fixture
async def received(admin: NetBox) -> AsyncIterator[ReceivedEvents]:
    """The events that a receiver gets from NetBox."""
    received = ReceivedEvents()
    app = create_app(lambda: [SECRET], received.ids.append, ignore)
    async with running_server(app, "127.0.0.1", 0) as url, set_up(admin, url, SECRET):
        yield received


def edit(netbox: NetBox, row: Row, **fields: object) -> None:
    """Change the record as people do."""
    netbox.update(CLUSTERS_PATH, row["id"], fields)


def sync(netbox: NetBox, row: Row, number: int) -> None:
    """Write the outcome of a sync, which differs from all others by `number`."""
    now = datetime.now(UTC)
    last_known = LastKnownState(
        last_sync=now,
        last_success=now,
        error=f"Error {number}.",
        connection_status=list(ConnectionStatus)[number % 3],
        connection_error=f"Connection error {number}.",
        commit=f"{number:040x}",
        drift_count=number,
        counts={"Server": number},
    )

    def compute_fields(record: Row) -> dict[str, Any]:
        fields = find_changed_fields(record, ConfigEdits(), last_known, now)
        return fields | {"hh_instance": f"default@{number}", "hh_drift": [{"name": f"s-{number}"}]}

    written = netbox.update_record(row["id"], compute_fields)
    assert written is not None
    assert written["custom_fields"]["hh_drift_count"] == number


async def sync_and_comment(netbox: NetBox, row: Row, *numbers: int) -> None:
    """Change what must not fire the webhook: all that syncs write, and a comment."""
    for number in numbers:
        await asyncio.to_thread(sync, netbox, row, number)
    await asyncio.to_thread(edit, netbox, row, comments=f"Comment {numbers}.")


async def test_config_edits_fire_webhook_and_sync_writes_do_not(
    received: ReceivedEvents, netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    """At first the record has few values, which NetBox's conditions handle badly."""
    record = await asyncio.to_thread(make_record)
    site = admin.create("dcim/sites", {"name": "Trial site", "slug": "trial-site"})
    values = VALUES | {"hh_site": site["id"]}
    assert values.keys() == set(CONFIG_FIELD_NAMES)
    edits: list[dict[str, object]] = [{"name": f"{record['name']}, renamed"}]
    edits += [{"status": "planned"}]
    edits += [{"custom_fields": {name: value}} for name, value in values.items()]
    edits += [{"scope_type": "dcim.site", "scope_id": site["id"]}]
    assert await received.wait_for(1) == [record["id"]]
    await sync_and_comment(netbox, record, 1, 2, 3)
    for number, fields in enumerate(edits, start=2):
        await asyncio.to_thread(edit, netbox, record, **fields)
        assert await received.wait_for(number) == [record["id"]] * number, fields

    await sync_and_comment(netbox, record, 4, 5, 6)
    nowhere = {"custom_fields": {"hh_site": None}, "scope_type": None, "scope_id": None}
    await asyncio.to_thread(edit, netbox, record, **nowhere)
    last = await asyncio.to_thread(make_record)
    ids = await received.wait_for_event_of(last)
    assert ids == [*[record["id"]] * (len(edits) + 2), last["id"]]
    await asyncio.to_thread(admin.delete, "dcim/sites", site["id"])


async def test_created_and_deleted_records_fire_webhook(
    received: ReceivedEvents, netbox: NetBox, admin: NetBox, make_record: MakeRecord
) -> None:
    row = await asyncio.to_thread(make_record)
    assert await received.wait_for(1) == [row["id"]]
    await asyncio.to_thread(sync, netbox, row, 1)
    await asyncio.to_thread(admin.delete, CLUSTERS_PATH, row["id"])
    assert await received.wait_for(2) == [row["id"]] * 2


async def test_foreign_clusters_fire_webhook_only_as_fabrics(
    received: ReceivedEvents, admin: NetBox, record: Row
) -> None:
    values = {"name": "Trial others", "slug": "trial-others"}
    type_ = await asyncio.to_thread(admin.create, "virtualization/cluster-types", values)
    fields = {"name": "Trial foreign", "type": type_["id"]}
    foreign = await asyncio.to_thread(admin.create, CLUSTERS_PATH, fields)
    await asyncio.to_thread(edit, admin, foreign, name="Trial foreign 2", status="planned")
    await asyncio.to_thread(edit, admin, record, status="planned")
    assert await received.wait_for(2) == [record["id"]] * 2

    await asyncio.to_thread(edit, admin, foreign, type=record["type"]["id"])
    await asyncio.to_thread(edit, admin, foreign, type=type_["id"])
    await asyncio.to_thread(admin.delete, CLUSTERS_PATH, foreign["id"])
    await asyncio.to_thread(admin.delete, "virtualization/cluster-types", type_["id"])
    await asyncio.to_thread(edit, admin, record, status="active")
    assert (await received.wait_for(5))[2:] == [foreign["id"], foreign["id"], record["id"]]


async def test_second_setup_changes_only_secret(
    admin: NetBox, record: Row, caplog: pytest.LogCaptureFixture
) -> None:
    received = ReceivedEvents()

    async def log() -> str:
        return caplog.text

    app = create_app(lambda: [SECRET], received.ids.append, ignore)
    async with (
        running_server(app, "127.0.0.1", 0) as url,
        set_up(admin, f"{url}/", "the secret of last year") as created,
    ):
        assert [change.action for change in created] == [Action.CREATE] * 3
        await asyncio.to_thread(edit, admin, record, status="planned")
        await wait_until(log, lambda text: "Rejected a request to /netbox" in text)

        items = setup.webhook_items(url, SecretStr(SECRET))
        changes = await asyncio.to_thread(lambda: list(setup.apply(admin, items)))
        assert [str(change) for change in changes] == ["repair webhook Fabric Sync: secret"]
        assert await asyncio.to_thread(setup.plan, setup.Rows(admin), items) == []
        await asyncio.to_thread(edit, admin, record, status="active")
        assert await received.wait_for(1) == [record["id"]]
