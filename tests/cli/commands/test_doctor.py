"""`doctor FABRIC` checks the fabric's sources, not only its record."""

import asyncio
import shutil

import pytest

from activities.setup.access import RECORDS_GRANT
from tests.support.cli.command_line import CommandLine, Result
from tests.support.system.fleet import list_all, temporarily_changed
from tests.support.system.installation import (
    SERVERS,
    Fabric,
    Installation,
    in_yaml,
    wait_for_worker,
)

WORKERS = ["Worker for loops", "Worker for fabrics", "Worker for inventories"]
SOURCES = ["Git credential", "Git", "Kubernetes credential", "Kubernetes"]
SOURCES_UNCHECKED = "Git and Kubernetes"


@pytest.fixture(autouse=True)
def _inventory_enabled(installation: Installation) -> None:
    installation.overrides["FABRIC_SYNC_INVENTORY"] = "true"


async def new(installation: Installation, task_queue: str | None = None) -> Fabric:
    """Create a fabric that was never enabled, whose record has no status yet."""
    manifests = {"fabric.yaml": in_yaml(SERVERS)}
    return await installation.fabric(
        manifests, SERVERS, hh_sync_enabled=False, hh_task_queue=task_queue
    )


def failed(doctor: Result) -> dict[str, str]:
    """Return the sentences of failed checks by name."""
    return {check["name"]: check["sentence"] for check in doctor.json["checks"] if not check["ok"]}


async def test_sources_of_a_fabric_are_checked(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    async with installation.worker():
        await fabric.wait_for_status("disabled")  # by the fleet, which is running then
        healthy = await starter("doctor", fabric.fabric_id, "--json")
        assert (healthy.code, failed(healthy)) == (0, {})
        sentences = {check["name"]: check["sentence"] for check in healthy.json["checks"]}
        assert [name for name in sentences if name in SOURCES] == SOURCES
        assert "is at " in sentences["Git"]
        assert f"{len(SERVERS)} objects in the namespace default" in sentences["Kubernetes"]

        shutil.rmtree(fabric.credential)
        fields = {"custom_fields": {"hh_git_branch": "nowhere"}}
        installation.admin.update("virtualization/clusters", fabric.record_id, fields)
        doctor = await starter("doctor", fabric.fabric_id, "--json")
        assert (doctor.code, list(failed(doctor))) == (1, ["Git", "Kubernetes credential"])
        assert "has no branch nowhere (but main): check hh_git_branch" in failed(doctor)["Git"]
        assert fabric.fabric_id in failed(doctor)["Kubernetes credential"]


async def test_host_that_the_worker_does_not_allow_is_named_with_field_and_setting(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    async with installation.worker(FABRIC_SYNC_ALLOWED_HOSTS="*.example.com, 10.0.0.0/8"):
        await fabric.wait_for_status("disabled")
        doctor = await starter("doctor", fabric.fabric_id, "--json")
    assert (doctor.code, list(failed(doctor))) == (1, ["Git credential", "Kubernetes credential"])
    fields = ("hh_git_repository", "hh_kubernetes_server")
    for field, sentence in zip(fields, failed(doctor).values(), strict=True):
        expected = f"{field} names the host 127.0.0.1, which FABRIC_SYNC_ALLOWED_HOSTS"
        assert sentence.startswith(expected)


async def test_site_without_a_worker_is_reported(
    installation: Installation, starter: CommandLine
) -> None:
    site = f"{installation.queue}-north"
    fabric = await new(installation, task_queue=site)
    async with installation.worker():
        await fabric.wait_for_status("disabled")
        doctor = await starter("doctor", fabric.fabric_id, "--json")
        async with installation.site_worker(site):
            await wait_for_worker(installation.client, f"{site}-inventory")
            healthy = await starter("doctor", fabric.fabric_id, "--json")
    assert doctor.code == 1
    sentences = failed(doctor)
    assert list(sentences) == [
        "Remote worker",
        "Remote worker for the inventory",
        SOURCES_UNCHECKED,
    ]
    for sentence in sentences.values():
        assert "No worker takes work" in sentence
        assert f"`python worker.py --task-queue {site} --activities-only`" in sentence
    assert f'"{site}-inventory"' in sentences["Remote worker for the inventory"]
    assert (healthy.code, failed(healthy)) == (0, {})


async def test_unchecked_sources_are_reported_without_a_worker(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    doctor = await starter("doctor", fabric.fabric_id, "--json")
    assert doctor.code == 1
    assert list(failed(doctor)) == [*WORKERS, "Fleet", SOURCES_UNCHECKED]
    assert "not checked" in failed(doctor)[SOURCES_UNCHECKED]
    for name in (*WORKERS, SOURCES_UNCHECKED):
        assert "start one with `python worker.py`" in failed(doctor)[name]
    place = f"in the namespace {installation.client.namespace} of Temporal at "
    place += installation.client.service_client.config.target_host
    for name in (*WORKERS, "Fleet", SOURCES_UNCHECKED):
        assert place in failed(doctor)[name]
    without = await starter.with_(FABRIC_SYNC_INVENTORY="false")("doctor", "--json")
    assert list(failed(without)) == [*WORKERS[:2], "Fleet"]


async def test_unreadable_record_does_not_hide_other_checks(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    assert (await starter("doctor", "no-such-fabric")).is_refused("There is no fabric")
    path, name = RECORDS_GRANT.permission.path, RECORDS_GRANT.permission.key["name"]
    permissions = await asyncio.to_thread(list_all, installation.admin, path)
    [key] = [row["id"] for row in permissions if row["name"] == name]
    for loss in ({"enabled": False}, {"constraints": {"name": "another"}}):
        async with temporarily_changed(installation.admin, path, key, **loss):
            doctor = await starter("doctor", fabric.fabric_id, "--json")
        assert (doctor.code, doctor.err) == (1, "")
        names = [check["name"] for check in doctor.json["checks"]]
        assert (names[0], names[-1]) == ("NetBox", "Record")
        assert {"Temporal", "Fleet"} <= set(names)
        assert {"Record", *WORKERS} < failed(doctor).keys()
