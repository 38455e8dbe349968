"""`doctor FABRIC` asks the fabric itself, where it can be reached, and not its record."""

import shutil

from tests.cli.conftest import CommandLine, Result
from tests.e2e.installation import SERVERS, Fabric, Installation, in_yaml

SOURCES = ["Git credential", "Git", "Kubernetes credential", "Kubernetes"]


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
        installation.admin.change("virtualization/clusters", fabric.record_id, fields)
        ill = await starter("doctor", fabric.fabric_id, "--json")
        assert (ill.code, list(failed(ill))) == (1, ["Git", "Kubernetes credential"])
        assert "has no branch nowhere (but main): check hh_git_branch" in failed(ill)["Git"]
        assert fabric.fabric_id in failed(ill)["Kubernetes credential"]


async def test_a_site_without_a_worker_is_said_so(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation, task_queue=f"{installation.queue}-north")
    async with installation.worker():
        await fabric.recorded("disabled")
        doctor = await starter("doctor", fabric.fabric_id, "--json")
    assert doctor.code == 1
    assert list(failed(doctor)) == ["Worker of its site", "Git and Kubernetes"]
    assert "No worker takes work" in failed(doctor)["Git and Kubernetes"]
    assert f"--task-queue {installation.queue}-north" in failed(doctor)["Git and Kubernetes"]


async def test_without_any_worker_it_says_what_was_not_tried(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await new(installation)
    doctor = await starter("doctor", fabric.fabric_id, "--json")
    assert doctor.code == 1
    assert failed(doctor).keys() == {
        *("Worker for loops", "Worker for fabrics", "Fleet", "Git and Kubernetes"),
    }
    assert "not tried" in failed(doctor)["Git and Kubernetes"]
    assert "start one with `python worker.py`" in failed(doctor)["Git and Kubernetes"]
