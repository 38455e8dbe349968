"""Drift on a whole installation: detection, the full diff, empty lists."""

import asyncio
from datetime import datetime

from fabrics.drift.diff_report import DiffReport
from fabrics.resources.kinds import get_kind
from stack.kubernetes.emulator import EmulatedKubernetesApi
from tests.support.cli.command_line import CommandLine
from tests.support.system.installation import (
    INVENTORY,
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    manifest,
)

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


async def diff(installation: Installation, fabric: Fabric) -> tuple[int, DiffReport]:
    """Run `starter.py diff FABRIC --json`; return its exit status and report."""
    done = await CommandLine(installation.variables)("diff", fabric.fabric_id, "--json")
    return done.code, DiffReport.model_validate(done.json)


async def test_drift_is_recorded_until_it_is_gone(installation: Installation) -> None:
    async with installation.worker(**INVENTORY):
        other = manifest("Server", "server-3", {"description": "somebody was here"})
        fabric = await installation.fabric(IN_GIT, [*SERVERS[:2], other], hh_sync_interval=5)
        await installation.start(fabric)
        record = await fabric.wait_for_status("out_of_sync")
        assert record["drift_count"] == 1
        assert [(entry["change"], entry["name"]) for entry in record["drift"]] == [
            ("changed", "server-3")
        ]
        assert record["counts"] == {"Server": 3}
        code, report = await diff(installation, fabric)
        assert (code, report.drift_count) == (1, 1)
        (field,) = report.entries[0].fields
        assert (field.desired, field.live) == ('"number 3"', '"somebody was here"')
        fabric.api.apply(SERVERS[2])
        record = await fabric.wait_for_status("in_sync")
        assert (record["drift_count"], record["drift"]) == (0, None)
        assert await diff(installation, fabric) == (0, DiffReport(commit=record["commit"]))


async def sync_and_read_times(fabric: Fabric) -> list[datetime | None]:
    """Sync, and return since when the drifted objects have drifted."""
    await fabric.handle.execute_update("sync_now", result_type=dict)
    return [entry.since for entry in (await fabric.status()).drift]


async def test_drift_keeps_its_time_when_worker_loop_and_file_are_replaced(
    installation: Installation,
) -> None:
    other = manifest("Server", "server-3", {"description": "somebody was here"})
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, [*SERVERS[:2], other], hh_sync_interval=3600)
        await installation.start(fabric)
        record = await fabric.wait_for_status("out_of_sync")
    assert record["drift_report"].startswith("**changed: Server server-3**, since ")
    since = datetime.fromisoformat(record["drift"][0]["since"])
    moved = {"fabric.yaml": None, "servers/all.yaml": IN_GIT["fabric.yaml"]}
    await asyncio.to_thread(fabric.repository.commit, moved)
    async with installation.worker():
        assert await sync_and_read_times(fabric) == [since]
        await fabric.handle.terminate()
        await installation.start(fabric)
        assert await sync_and_read_times(fabric) == [since]


async def test_suddenly_empty_list_is_an_error_until_confirmed(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        fabric.api.delete_all(get_kind("Server"))
        record = await fabric.wait_for_status("error")
        assert "no longer lists any servers (3 at the last sync)" in record["sync_error"]
        assert (record["drift_count"], record["counts"]) == (0, {"Server": 3})
        await fabric.handle.signal("sync_now", args=[False, True])
        record = await fabric.wait_for_status("out_of_sync")
        assert (record["drift_count"], record["counts"]) == (3, None)


async def test_list_that_is_empty_in_git_too_is_accepted(installation: Installation) -> None:
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=3600)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        fabric.repository.commit({"fabric.yaml": "# nothing is left\n"})
        fabric.api.delete_all(get_kind("Server"))
        report = await fabric.handle.execute_update("sync_now", result_type=dict)
        assert (report["sync_status"], report["drift_count"]) == ("in_sync", 0)


async def test_name_that_no_database_takes_is_recorded_printable(
    installation: Installation,
) -> None:
    """A hostile API can return any name, and PostgreSQL takes no NUL."""
    async with installation.worker():
        fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
        assert isinstance(fabric.api, EmulatedKubernetesApi)
        await installation.start(fabric)
        await fabric.wait_for_status("in_sync")
        fabric.api.apply(manifest("Server", "forged\0\n- name", {}))
        record = await fabric.wait_for_status("out_of_sync")
        assert [entry["name"] for entry in record["drift"]] == ["forged??- name"]
