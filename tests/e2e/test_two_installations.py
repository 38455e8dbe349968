"""Two installations, each with a Temporal server and a worker of its own, share one NetBox."""

import asyncio
import secrets
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle

import temporal
from activities import setup
from activities.netbox.client import NetBox
from activities.setup.access import GROUP_ITEM, USER_ITEM
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.cli.command_line import CommandLine
from tests.support.system.fleet import look, looked, loops
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, shown, until
from workflows.fabric_sync import FabricSync

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
CHANGES = "core/object-changes"
OTHER_USER = Item(USER_ITEM.path, {"username": "fabric-sync-elsewhere"})


@dataclass
class Side:
    """One of the two: its installation, its name in records, and the NetBox user that it writes as."""

    installation: Installation
    instance: str
    user: str

    def loop(self, fabric: Fabric) -> WorkflowHandle[FabricSync, str]:
        """The loop that it has, or had, for a fabric."""
        client = self.installation.client
        return client.get_workflow_handle_for(FabricSync.run, fabric.handle.id)


@pytest.fixture(scope="session")
def other_token(admin: NetBox) -> str:
    """A token of a second user with the same permissions, so that the changelog tells the two apart."""
    group = next(row for row in admin.list_rows(GROUP_ITEM.path) if GROUP_ITEM.matches(row))
    password = secrets.token_urlsafe(32)
    admin.create(USER_ITEM.path, {**OTHER_USER.key, "password": password, "groups": [group["id"]]})
    token = setup.issue_token(admin, OTHER_USER)
    assert token is not None
    return token


@pytest.fixture
async def sides(
    installation: Installation, other_token: str, tmp_path: Path, running: ExitStack
) -> tuple[Side, Side]:
    """Both, without a worker yet."""
    (tmp_path / "logs").mkdir()
    supervisor = running.enter_context(closing(Supervisor(tmp_path / "logs")))
    server = await asyncio.to_thread(start_temporal, supervisor)
    client = await Client.connect(server.address, data_converter=installation.client.data_converter)
    changes = {
        "TEMPORAL_ADDRESS": server.address,
        "FABRIC_SYNC_CACHE_DIR": str(tmp_path / "other-cache"),
    }
    other = replace(installation, client=client, token=other_token, changes=changes)
    here, there = [await temporal.get_instance(one.client) for one in (installation, other)]
    return (
        Side(installation, here, USER_ITEM.key["username"]),
        Side(other, there, "fabric-sync-elsewhere"),
    )


async def writers(fabric: Fabric) -> Counter[str]:
    """Who has changed the record how often since it was made."""
    filters = {"changed_object_type": CLUSTER_OBJECT_TYPE, "changed_object_id": fabric.record_id}
    changes = await asyncio.to_thread(lambda: list(fabric.netbox.list_rows(CHANGES, **filters)))
    return Counter(
        change["user_name"]
        for change in changes
        if change["changed_object_id"] == fabric.record_id
        and change["changed_object_type"] == CLUSTER_OBJECT_TYPE
        and change["action"]["value"] == "update"
    )


async def loop_counts(sides: tuple[Side, Side]) -> list[list[str]]:
    """The loops of both."""
    return [await loops(side.installation.client) for side in sides]


async def test_each_fabric_has_one_owner_until_it_is_taken_over(sides: tuple[Side, Side]) -> None:
    one, two = sides
    by_instance = {side.instance: side for side in sides}
    fabrics = [await one.installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(4)]
    async with one.installation.worker(), two.installation.worker():
        owners = [by_instance[(await fabric.recorded("in_sync"))["instance"]] for fabric in fabrics]
        expected = [
            sorted(f.handle.id for f, owner in zip(fabrics, owners, strict=True) if owner is side)
            for side in sides
        ]
        await until(partial(loop_counts, sides), lambda counts: counts == expected)
        for side in sides:
            told = await looked(side.installation)
            mine = owners.count(side)
            assert (sum(told.states.values()), told.elsewhere) == (mine, len(fabrics) - mine)
            assert (told.error, told.problems) == ("", ())
            status = await CommandLine(side.installation.variables)("status", "--json")
            assert (status.code, len(status.json["fabrics"])) == (0, len(fabrics))
        for fabric, owner in zip(fabrics, owners, strict=True):
            assert set(await writers(fabric)) == {owner.user}

        fabric, former = fabrics[0], owners[0]
        new = two if former is one else one
        await new.installation.start(fabric)
        assert await asyncio.wait_for(new.loop(fabric).result(), 40) == "synced elsewhere"
        said = await new.loop(fabric).query(FabricSync.status)
        assert former.instance in said.netbox_error
        assert "--take-over" in said.netbox_error
        details = await new.loop(fabric).query("__temporal_workflow_metadata", result_type=object)
        assert "no longer synced here: another installation looks after it" in str(details)
        assert set(await writers(fabric)) == {former.user}

        starter = CommandLine(new.installation.variables)
        moved = await starter("doctor", fabric.fabric_id, "--take-over")
        assert "this installation's" in moved.out
        await look(former.installation)
        assert await asyncio.wait_for(former.loop(fabric).result(), 40) == "synced elsewhere"
        before = await writers(fabric)
        fabric.repository.commit({"fabric.yaml": in_yaml(SERVERS[:2])})
        record = await fabric.recorded("out_of_sync")
        assert record["instance"] == new.instance
        since = await writers(fabric) - before
        assert set(since) == {new.user}
        for side in sides:
            await looked(side.installation)
        assert fabric.handle.id not in await loops(former.installation.client)
        assert shown(await fabric.record()) == "out_of_sync"
