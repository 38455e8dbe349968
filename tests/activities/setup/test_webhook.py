"""What the real NetBox sends once it is set up, and what it does not.

Its background worker sends one event after the other. So where an edit that comes later is the only one
to arrive, what came before it has fired nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
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
from fabrics.record.status import ConnectionStatus, LastKnownState
from fabrics.record.status_fields import find_changed_fields
from tests.support.system.installation import until
from tests.support.webhooks.senders import SECRET
from webhooks.receiver import create_app
from webhooks.server import running_server

VALUES: dict[str, object] = {
    "hh_fabric_id": "another-id",
    "hh_sync_enabled": False,
    "hh_sync_interval": 3600,
    "hh_paused": True,
    "hh_pause_reason": "maintenance",
    "hh_kubernetes_server": "https://10.0.0.2:6443",
    "hh_kubernetes_namespace": "fabric",
    "hh_credentials": "shared",
    "hh_git_repository": "https://git.example.com/net/dc2.git",
    "hh_git_branch": "lab",
    "hh_git_directory": "dc2",
    "hh_managed_kinds": ["VPC"],
    "hh_task_queue": "site-2",
}
"""A new value for each field of the configuration but the site, which has to be made."""


class Told:
    """The records that NetBox has told of, in turn."""

    def __init__(self) -> None:
        self.ids: list[int] = []

    async def in_all(self, times: int) -> list[int]:
        """They, once they are so many."""
        return await until(self._seen, lambda ids: len(ids) >= times, seconds=20)

    async def _seen(self) -> list[int]:
        return list(self.ids)


def ignore(_: object) -> None:
    """No push is expected."""


@asynccontextmanager
async def set_up(admin: NetBox, url: str, secret: str) -> AsyncIterator[list[setup.Change]]:
    """What setting up did; it is undone in the end, known by names alone."""
    items = setup.webhook_items(url, SecretStr(secret))
    yield await asyncio.to_thread(lambda: list(setup.apply(admin, items)))
    names = setup.webhook_items("", SecretStr(""))
    undone = await asyncio.to_thread(lambda: list(setup.remove(admin, names)))
    assert {change.action for change in undone} == {Action.DELETE}


@pytest.fixture
async def told(admin: NetBox) -> AsyncIterator[Told]:
    """What a receiver takes that NetBox has been told of."""
    heard = Told()
    app = create_app(SECRET, heard.ids.append, ignore)
    async with running_server(app, "127.0.0.1", 0) as url, set_up(admin, url, SECRET):
        yield heard


def edit(netbox: NetBox, row: Row, **fields: object) -> None:
    """Change the record as people do."""
    netbox.update(CLUSTERS_PATH, row["id"], fields)


def sync(netbox: NetBox, row: Row, number: int) -> None:
    """Write the outcome of a sync, which differs from that of all others."""
    now = datetime.now(UTC)
    facts = LastKnownState(
        last_sync=now,
        last_success=now,
        error=f"Error {number}.",
        connection_status=list(ConnectionStatus)[number % 3],
        connection_error=f"Connection error {number}.",
        commit=f"{number:040x}",
        drift_count=number,
        counts={"Server": number},
    )

    def outcome(stored: Row) -> dict[str, Any]:
        fields = find_changed_fields(stored, ConfigEdits(), facts, now)
        return fields | {"hh_instance": f"default@{number}", "hh_drift": [{"name": f"s-{number}"}]}

    written = netbox.update_record(row["id"], outcome)
    assert written is not None
    assert written["custom_fields"]["hh_drift_count"] == number


async def test_each_decision_is_told_and_no_sync(
    told: Told, netbox: NetBox, admin: NetBox, record: Row
) -> None:
    """The record has no value yet for most fields, which is where NetBox's conditions are delicate."""
    site = admin.create("dcim/sites", {"name": "Trial site", "slug": "trial-site"})
    values = VALUES | {"hh_site": site["id"]}
    assert values.keys() == set(CONFIG_FIELD_NAMES)
    decisions: list[dict[str, object]] = [{"name": f"{record['name']}, renamed"}]
    decisions += [{"status": "planned"}]
    decisions += [{"custom_fields": {name: value}} for name, value in values.items()]
    decisions += [{"scope_type": "dcim.site", "scope_id": site["id"]}]
    assert await told.in_all(1) == [record["id"]]
    for number, decision in enumerate(decisions, start=2):
        await asyncio.to_thread(sync, netbox, record, number)
        await asyncio.to_thread(edit, netbox, record, comments=f"Comment {number}.")
        await asyncio.to_thread(edit, netbox, record, **decision)
        assert await told.in_all(number) == [record["id"]] * number, decision

    nowhere = {"custom_fields": {"hh_site": None}, "scope_type": None, "scope_id": None}
    await asyncio.to_thread(edit, netbox, record, **nowhere)
    await told.in_all(len(decisions) + 2)
    await asyncio.to_thread(admin.delete, "dcim/sites", site["id"])


async def test_records_come_and_go(
    told: Told, netbox: NetBox, admin: NetBox, make_record: Callable[..., Row]
) -> None:
    row = await asyncio.to_thread(make_record)
    assert await told.in_all(1) == [row["id"]]
    await asyncio.to_thread(sync, netbox, row, 1)
    await asyncio.to_thread(admin.delete, CLUSTERS_PATH, row["id"])
    assert await told.in_all(2) == [row["id"]] * 2


async def test_other_clusters_are_nothing_to_us_until_they_become_fabrics(
    told: Told, admin: NetBox, record: Row
) -> None:
    theirs = {"name": "Trial others", "slug": "trial-others"}
    type_ = await asyncio.to_thread(admin.create, "virtualization/cluster-types", theirs)
    fields = {"name": "Trial foreign", "type": type_["id"]}
    foreign = await asyncio.to_thread(admin.create, CLUSTERS_PATH, fields)
    await asyncio.to_thread(edit, admin, foreign, name="Trial foreign 2", status="planned")
    await asyncio.to_thread(edit, admin, record, status="planned")
    assert await told.in_all(2) == [record["id"]] * 2

    await asyncio.to_thread(edit, admin, foreign, type=record["type"]["id"])
    await asyncio.to_thread(edit, admin, foreign, type=type_["id"])
    await asyncio.to_thread(admin.delete, CLUSTERS_PATH, foreign["id"])
    await asyncio.to_thread(admin.delete, "virtualization/cluster-types", type_["id"])
    await asyncio.to_thread(edit, admin, record, status="active")
    assert (await told.in_all(5))[2:] == [foreign["id"], foreign["id"], record["id"]]


async def test_setting_up_again_changes_nothing_but_a_new_secret(
    admin: NetBox, record: Row, caplog: pytest.LogCaptureFixture
) -> None:
    heard = Told()

    async def log() -> str:
        return caplog.text

    app = create_app(SECRET, heard.ids.append, ignore)
    async with (
        running_server(app, "127.0.0.1", 0) as url,
        set_up(admin, f"{url}/", "the secret of last year") as made,
    ):
        assert [change.action for change in made] == [Action.CREATE] * 3
        await asyncio.to_thread(edit, admin, record, status="planned")
        await until(log, lambda text: "Refused a request to /netbox" in text)

        items = setup.webhook_items(url, SecretStr(SECRET))
        changes = await asyncio.to_thread(lambda: list(setup.apply(admin, items)))
        assert [str(change) for change in changes] == ["repair webhook Fabric Sync: secret"]
        assert await asyncio.to_thread(setup.plan, admin, items) == []
        await asyncio.to_thread(edit, admin, record, status="active")
        assert await heard.in_all(1) == [record["id"]]
