"""Each broken dependency has its own error message and affects only its fabric."""

import asyncio
from collections.abc import Callable
from functools import partial

from activities.netbox.client import Row
from fabrics.loop.record_exchange import MAX_RETRY
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    shown_status,
    wait_until,
)
from tests.support.system.tcp_proxy import proxy_to

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Return the fabric's API as an emulator, which can inject faults."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api


def kubernetes_is_down(fabric: Fabric) -> dict[str, object]:
    """Point the record to an address where nothing listens."""
    (fabric.credential / "server").write_text("https://127.0.0.1:1")
    return {"hh_kubernetes_server": "https://127.0.0.1:1"}


def the_token_is_wrong(fabric: Fabric) -> dict[str, object]:
    """Make the API answer 401."""
    (fabric.credential / "token").write_text("wrong")
    return {}


def the_account_may_not_list(fabric: Fabric) -> dict[str, object]:
    """Make the API answer 403 for one kind."""
    emulated(fabric).inject_fault(Fault(403, "servers"))
    return {}


def the_repository_does_not_exist(fabric: Fabric) -> dict[str, object]:
    """Point the record to a repository for which the Git server answers 404."""
    return {"hh_git_repository": fabric.repository.url.replace(fabric.fabric_id, "nowhere")}


def the_branch_does_not_exist(fabric: Fabric) -> dict[str, object]:
    """Point the record to a missing branch."""
    return {"hh_git_branch": "release"}


def the_directory_does_not_exist(fabric: Fabric) -> dict[str, object]:
    """Point the record to a missing directory."""
    return {"hh_git_directory": "fabrics/berlin"}


def the_yaml_cannot_be_read(fabric: Fabric) -> dict[str, object]:
    """Commit invalid YAML."""
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


async def test_each_broken_dependency_has_its_own_error(installation: Installation) -> None:
    async with installation.worker():
        healthy = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        broken = [await installation.fabric(IN_GIT, SERVERS) for _ in BREAKAGES]
        for fabric in (healthy, *broken):
            await installation.start(fabric)
        for fabric in (healthy, *broken):
            await fabric.wait_for_status("in_sync")
        before = await healthy.status()
        for fabric, (break_it, _) in zip(broken, BREAKAGES, strict=True):
            fields = break_it(fabric)
            edit = partial(changes, fields)
            await asyncio.to_thread(installation.admin.update_record, fabric.record_id, edit)
            await fabric.handle.signal("record_changed")
        for fabric, (_, words) in zip(broken, BREAKAGES, strict=True):
            record = await wait_until(fabric.record, partial(error_contains, words))
            assert shown_status(record) == "error"
            assert record["sync_error"].endswith((".", ")"))
            assert record["drift_count"] == 0
        await healthy.wait_for_syncs(before.syncs + 3)
        assert {report.sync_status for report in await healthy.history()} == {"in_sync"}


def changes(fields: dict[str, object], _: Row) -> dict[str, object]:
    """Return the fields of an edit."""
    return fields


def error_contains(words: list[str], record: Row) -> bool:
    """Return whether the record's error contains all these words."""
    error = (record["sync_error"] or "").lower()
    return all(word.lower() in error for word in words)


async def test_syncs_keep_their_slots_while_netbox_is_down(installation: Installation) -> None:
    port = int(installation.stack.netbox.url.rpartition(":")[2])
    async with proxy_to(port) as proxy:
        installation.overrides = INVENTORY | {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        async with installation.worker():
            fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=10)
            await installation.start(fabric)
            await fabric.wait_for_status("in_sync")
            await proxy.cut()
            fabric.repository.commit({"fabric.yaml": in_yaml(SERVERS[:2])})
            status = await wait_until(fabric.status, lambda status: status.netbox_error != "")
            assert "NetBox" in status.netbox_error
            await fabric.wait_for_syncs(status.syncs + 3)
            history = await fabric.history()
            assert (history[-1].sync_status, history[-1].drift_count) == ("out_of_sync", 1)
            assert not any(report.missed for report in history if report.number > status.syncs)
            await proxy.connect()
            await fabric.wait_for_status("out_of_sync", MAX_RETRY.total_seconds())
            await wait_until(fabric.status, lambda status: status.netbox_error == "")


async def test_record_of_another_installation_is_not_written(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_instance="default@elsewhere")
        await installation.start(fabric)
        status = await wait_until(fabric.status, lambda status: status.netbox_error != "")
        assert "default@elsewhere" in status.netbox_error
        assert "doctor" in status.netbox_error
        assert (await fabric.record())["sync_status"] is None
