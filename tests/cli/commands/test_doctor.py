"""`doctor FABRIC` asks the fabric itself, where it can be reached, and not its record."""

import asyncio
import shutil
from functools import partial

import pytest

from activities.queues import queue_has_worker
from activities.setup.access import RECORDS_GRANT
from tests.support.cli.command_line import CommandLine, Result
from tests.support.system.fleet import changed, rows
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until

WORKERS = ["Worker for loops", "Worker for fabrics", "Worker for inventories"]
SOURCES = ["Git credential", "Git", "Kubernetes credential", "Kubernetes"]
SOURCES_UNTRIED = "Git and Kubernetes"


@pytest.fixture(autouse=True)
def mirrored(installation: Installation) -> None:
    """Workers mirror what runs."""
    installation.changes["FABRIC_SYNC_INVENTORY"] = "true"


async def new(installation: Installation, task_queue: str | None = None) -> Fabric:
    """A fabric that nobody has enabled: its record says nothing of it yet."""
    manifests = {"fabric.yaml": in_yaml(SERVERS)}
    return await installation.fabric(
        manifests, SERVERS, hh_sync_enabled=False, hh_task_queue=task_queue
    )


def failed(doctor: Result) -> dict[str, str]:
    return {check["name"]: check["sentence"] for check in doctor.json["checks"] if not check["ok"]}


async def test_a_fabric_is_asked_itself(installation: Installation, starter: CommandLine) -> None:
    fabric = await new(installation)
    async with installation.worker():
        await fabric.recorded("disabled")  # by the fleet, which is there then
        healthy = await starter("doctor", fabric.fabric_id, "--json")
        assert (healthy.code, failed(healthy)) == (0, {})
        said = {check["name"]: check["sentence"] for check in healthy.json["checks"]}
        assert [name for name in said if name in SOURCES] == SOURCES
        assert "is at " in said["Git"]
        assert f"{len(SERVERS)} objects in the namespace default" in said["Kubernetes"]

        shutil.rmtree(fabric.credential)
        fields = {"custom_fields": {"hh_git_branch": "nowhere"}}
        installation.admin.update("virtualization/clusters", fabric.record_id, fields)
        ill = await starter("doctor", fabric.fabric_id, "--json")
        assert (ill.code, list(failed(ill))) == (1, ["Git", "Kubernetes credential"])
        assert "has no branch nowhere (but main): check hh_git_branch" in failed(ill)["Git"]
        assert fabric.fabric_id in failed(ill)["Kubernetes credential"]


async def test_a_site_without_a_worker_is_said_so(
    installation: Installation, starter: CommandLine
) -> None:
    site = f"{installation.queue}-north"
    fabric = await new(installation, task_queue=site)
    async with installation.worker():
        await fabric.recorded("disabled")
        doctor = await starter("doctor", fabric.fabric_id, "--json")
        async with installation.worker("--task-queue", site, "--activities-only"):
            await until(partial(queue_has_worker, installation.client, f"{site}-inventory"), bool)
            healthy = await starter("doctor", fabric.fabric_id, "--json")
    assert doctor.code == 1
    trouble = failed(doctor)
    assert list(trouble) == ["Worker of its site", "Worker for its inventory", SOURCES_UNTRIED]
    for sentence in trouble.values():
        assert "No worker takes work" in sentence
        assert f"`python worker.py --task-queue {site} --activities-only`" in sentence
    assert f'"{site}-inventory"' in trouble["Worker for its inventory"]
    assert (healthy.code, failed(healthy)) == (0, {})


async def test_without_any_worker_it_says_what_was_not_tried(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    doctor = await starter("doctor", fabric.fabric_id, "--json")
    assert doctor.code == 1
    assert list(failed(doctor)) == [*WORKERS, "Fleet", SOURCES_UNTRIED]
    assert "not tried" in failed(doctor)[SOURCES_UNTRIED]
    for name in (*WORKERS, SOURCES_UNTRIED):
        assert "start one with `python worker.py`" in failed(doctor)[name]
    without = await starter.with_(FABRIC_SYNC_INVENTORY="false")("doctor", "--json")
    assert list(failed(without)) == [*WORKERS[:2], "Fleet"]


async def test_what_keeps_the_record_out_of_sight_keeps_no_line_from_being_shown(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    assert (await starter("doctor", "no-such-fabric")).refused("There is no fabric")
    path, name = RECORDS_GRANT.permission.path, RECORDS_GRANT.permission.key["name"]
    permissions = await asyncio.to_thread(rows, installation.admin, path)
    [key] = [row["id"] for row in permissions if row["name"] == name]
    for loss in ({"enabled": False}, {"constraints": {"name": "another"}}):
        async with changed(installation.admin, path, key, **loss):
            doctor = await starter("doctor", fabric.fabric_id, "--json")
        assert (doctor.code, doctor.err) == (1, "")
        lines = [check["name"] for check in doctor.json["checks"]]
        assert (lines[0], lines[-1]) == ("NetBox", "Record")
        assert {"Temporal", "Fleet"} <= set(lines)
        assert {"Record", *WORKERS} < failed(doctor).keys()
