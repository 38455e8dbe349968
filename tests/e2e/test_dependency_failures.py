"""Each thing that a fabric depends on breaks: its own error, its own sentence, nobody else notices."""

from collections.abc import Callable
from functools import partial

import pytest

from activities.netbox.client import Row
from fabrics.loop.report import SyncReport
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, shown, until
from tests.support.system.tcp_proxy import proxy_to

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Its API, where faults can be injected."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api


def kubernetes_is_down(fabric: Fabric) -> dict[str, object]:
    """Nothing listens where the record points."""
    (fabric.credential / "server").write_text("https://127.0.0.1:1")
    return {"hh_kubernetes_server": "https://127.0.0.1:1"}


def the_token_is_wrong(fabric: Fabric) -> dict[str, object]:
    """The API answers 401."""
    (fabric.credential / "token").write_text("wrong")
    return {}


def the_account_may_not_list(fabric: Fabric) -> dict[str, object]:
    """The API answers 403 for one kind."""
    emulated(fabric).inject_fault(Fault(403, "servers"))
    return {}


def the_repository_does_not_exist(fabric: Fabric) -> dict[str, object]:
    """Git's server answers 404."""
    return {"hh_git_repository": fabric.repository.url.replace(fabric.fabric_id, "nowhere")}


def the_branch_does_not_exist(fabric: Fabric) -> dict[str, object]:
    """A branch that nobody made."""
    return {"hh_git_branch": "release"}


def the_directory_does_not_exist(fabric: Fabric) -> dict[str, object]:
    """A directory that nobody made."""
    return {"hh_git_directory": "fabrics/berlin"}


def the_yaml_cannot_be_read(fabric: Fabric) -> dict[str, object]:
    """A slip in an editor."""
    fabric.repository.commit({"broken.yaml": "kind: Server\n  name: [\n"})
    return {}


BREAKAGES: list[tuple[Callable[[Fabric], dict[str, object]], list[str]]] = [
    (kubernetes_is_down, ["Kubernetes", "127.0.0.1:1"]),
    (the_token_is_wrong, ["401", "token"]),
    (the_account_may_not_list, ["403", "servers"]),
    (the_repository_does_not_exist, ["nowhere"]),
    (the_branch_does_not_exist, ["release"]),
    (the_directory_does_not_exist, ["fabrics/berlin"]),
    (the_yaml_cannot_be_read, ["broken.yaml"]),
]


async def test_each_broken_dependency_is_an_error_of_its_own(installation: Installation) -> None:
    async with installation.worker():
        healthy = await installation.fabric(IN_GIT, SERVERS)
        broken = [await installation.fabric(IN_GIT, SERVERS) for _ in BREAKAGES]
        for fabric in (healthy, *broken):
            await installation.start(fabric)
        for fabric in (healthy, *broken):
            await fabric.recorded("in_sync")
        before = await healthy.status()
        for fabric, (break_it, _) in zip(broken, BREAKAGES, strict=True):
            fields = break_it(fabric)
            installation.admin.update_record(fabric.record_id, partial(changes, fields))
            await fabric.handle.signal("record_changed")
        for fabric, (_, words) in zip(broken, BREAKAGES, strict=True):
            record = await until(fabric.record, partial(says, words), seconds=40)
            assert shown(record) == "error"
            assert record["sync_error"].endswith((".", ")"))
            assert record["drift_count"] == 0
        await healthy.synced(before.syncs + 3)
        assert {report.sync_status for report in await healthy.history()} == {"in_sync"}


def changes(fields: dict[str, object], _: Row) -> dict[str, object]:
    """What an edit changes, whatever the record is."""
    return fields


def says(words: list[str], record: Row) -> bool:
    """Whether the record's error has all these words."""
    error = (record["sync_error"] or "").lower()
    return all(word.lower() in error for word in words)


@pytest.mark.alone
async def test_netbox_down_keeps_the_grid_and_is_written_when_it_is_back(
    installation: Installation,
) -> None:
    port = int(installation.stack.netbox.url.rpartition(":")[2])
    async with proxy_to(port) as proxy:
        installation.changes = {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        async with installation.worker():
            fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=10)
            await installation.start(fabric)
            await fabric.recorded("in_sync")
            await proxy.cut()
            fabric.repository.commit({"fabric.yaml": in_yaml(SERVERS[:2])})
            status = await until(fabric.status, lambda status: status.netbox_error != "", 30)
            assert "NetBox" in status.netbox_error
            await fabric.synced(status.syncs + 3, seconds=60)
            history = await fabric.history()
            # The drift is known, and that the inventory could not be brought up to date is an error.
            assert (history[-1].sync_status, history[-1].drift_count) == ("error", 1)
            assert all(map(on_slot, history))
            await proxy.connect()
            await fabric.recorded("out_of_sync", seconds=30)
            await until(fabric.status, lambda status: status.netbox_error == "")


def on_slot(report: SyncReport) -> bool:
    """Whether it was manual, or began within a second of its slot."""
    return report.slot is None or (report.lateness is not None and report.lateness < 1)


async def test_a_record_of_another_installation_is_left_alone(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_instance="default@elsewhere")
        await installation.start(fabric)
        status = await until(fabric.status, lambda status: status.netbox_error != "")
        assert "default@elsewhere" in status.netbox_error
        assert "doctor" in status.netbox_error
        assert (await fabric.record())["sync_status"] is None
