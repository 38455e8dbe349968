"""Two installations with their own Temporal and worker share one NetBox."""

import asyncio
import secrets
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from temporalio.client import WorkflowHandle

from activities import setup
from activities.fleet.installation import get_instance
from activities.netbox.client import NetBox
from activities.setup.access import GROUP_ITEM, USER_ITEM
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from temporal import connect
from tests.support.cli.command_line import CommandLine
from tests.support.system.fleet import request_round, running_loops, wait_for_round
from tests.support.system.installation import (
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    shown_status,
    wait_until,
)
from tests.support.workflows.details import read_details
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
CHANGES = "core/object-changes"
OTHER_USER = Item(USER_ITEM.path, {"username": "fabric-sync-elsewhere"})


@dataclass
class Side:
    """One installation, its `hh_instance` in records, and its user in NetBox."""

    installation: Installation
    instance: str
    user: str

    def loop(self, fabric: Fabric) -> WorkflowHandle[FabricSync, str]:
        """Return the handle of its loop for a fabric."""
        client = self.installation.client
        return client.get_workflow_handle_for(FabricSync.run, fabric.handle.id)


@pytest.fixture(scope="session")
def other_token(admin: NetBox) -> str:
    """The token of a second user, which the changelog distinguishes."""
    group = next(row for row in admin.list_rows(GROUP_ITEM.path) if GROUP_ITEM.matches(row))
    password = secrets.token_urlsafe(32)
    admin.create(USER_ITEM.path, {**OTHER_USER.key, "password": password, "groups": [group["id"]]})
    token = setup.issue_token(admin, OTHER_USER)
    assert token is not None
    return token


@pytest.fixture
async def sides(
    installation: Installation, other_token: str, tmp_path: Path, cleanup: ExitStack
) -> tuple[Side, Side]:
    """Both installations, without a worker."""
    (tmp_path / "logs").mkdir()
    supervisor = cleanup.enter_context(closing(Supervisor(tmp_path / "logs")))
    server = await asyncio.to_thread(start_temporal, supervisor)
    client = await connect({"TEMPORAL_ADDRESS": server.address})
    overrides = {
        "TEMPORAL_ADDRESS": server.address,
        "FABRIC_SYNC_CACHE_DIR": str(tmp_path / "other-cache"),
    }
    other = replace(installation, client=client, token=other_token, overrides=overrides)
    one, two = [await get_instance(side.client) for side in (installation, other)]
    return (
        Side(installation, one, USER_ITEM.key["username"]),
        Side(other, two, "fabric-sync-elsewhere"),
    )


async def count_changes(fabric: Fabric) -> Counter[str]:
    """Count the changes of the record by user, since it was created."""
    filters = {"changed_object_type": CLUSTER_OBJECT_TYPE, "changed_object_id": fabric.record_id}
    changes = await asyncio.to_thread(lambda: list(fabric.netbox.list_rows(CHANGES, **filters)))
    return Counter(
        change["user_name"]
        for change in changes
        if change["changed_object_id"] == fabric.record_id
        and change["changed_object_type"] == CLUSTER_OBJECT_TYPE
        and change["action"]["value"] == "update"
    )


async def list_loops(sides: tuple[Side, Side]) -> list[list[str]]:
    """Return the running loops of both installations."""
    return [await running_loops(side.installation.client) for side in sides]


async def test_fabric_has_one_owner_until_taken_over(sides: tuple[Side, Side]) -> None:
    one, two = sides
    by_instance = {side.instance: side for side in sides}
    fabrics = [await one.installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(4)]
    async with one.installation.worker(), two.installation.worker():
        owners = [
            by_instance[(await fabric.wait_for_status("in_sync"))["instance"]] for fabric in fabrics
        ]
        expected = [
            sorted(f.handle.id for f, owner in zip(fabrics, owners, strict=True) if owner is side)
            for side in sides
        ]
        await wait_until(partial(list_loops, sides), lambda counts: counts == expected)
        for side in sides:
            summary = await wait_for_round(side.installation)
            owned = owners.count(side)
            assert (sum(summary.states.values()), summary.elsewhere) == (
                owned,
                len(fabrics) - owned,
            )
            assert (summary.error, summary.problems) == ("", ())
            status = await CommandLine(side.installation.variables)("status", "--json")
            assert (status.code, len(status.json["fabrics"])) == (0, len(fabrics))
        for fabric, owner in zip(fabrics, owners, strict=True):
            assert set(await count_changes(fabric)) == {owner.user}

        fabric, former = fabrics[0], owners[0]
        new = two if former is one else one
        await new.installation.start(fabric, sync=False)
        assert await asyncio.wait_for(new.loop(fabric).result(), 40) == "synced elsewhere"
        loop_status = await new.loop(fabric).query(FabricSync.status)
        assert former.instance in loop_status.netbox_error
        assert "--take-over" in loop_status.netbox_error
        ending = "no longer synced here: another installation syncs it"
        assert ending in await read_details(new.loop(fabric))
        assert set(await count_changes(fabric)) == {former.user}

        starter = CommandLine(new.installation.variables)
        moved = await starter("doctor", fabric.fabric_id, "--take-over")
        assert "belongs to this installation." in moved.out
        await request_round(former.installation)
        assert await asyncio.wait_for(former.loop(fabric).result(), 40) == "synced elsewhere"
        before = await count_changes(fabric)
        fabric.repository.commit({"fabric.yaml": in_yaml(SERVERS[:2])})
        record = await fabric.wait_for_status("out_of_sync")
        assert record["instance"] == new.instance
        since = await count_changes(fabric) - before
        assert set(since) == {new.user}
        for side in sides:
            await wait_for_round(side.installation)
        assert fabric.handle.id not in await running_loops(former.installation.client)
        assert shown_status(await fabric.record()) == "out_of_sync"
