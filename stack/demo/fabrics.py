"""The three fabrics of the demo: their desired and their live state.

The desired state of each fabric is a directory in `stack/samples`. The live state is derived from
it as on a real fabric (`hydration` and `admission`). One fabric also has manual changes, a switch that
does not apply its last change, and a pair of cables that were swapped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from stack.demo.admission import admit
from stack.demo.hydration import hydrate
from stack.kubernetes.agents.behaviour import CRASH_LOOP
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.manifests import Manifest, format_time, read_manifests

SAMPLES_DIR: Final = Path(__file__).parent.parent / "samples"

TIME_OF_EDITS: Final = timedelta(minutes=20)
"""How long before the demo starts somebody used `kubectl`."""


def keep_healthy(_agents: AgentSimulation) -> None:
    """Leave the agents of a fabric as they are."""


def break_agents(agents: AgentSimulation) -> None:
    """Let one leaf of Oslo crash whenever it applies, and swap two cables of another."""
    agents.set_behaviour("leaf-03", CRASH_LOOP)
    agents.update_spec("leaf-03")
    agents.swap_cables("leaf-01/E1/29", "leaf-01/E1/31")


@dataclass(frozen=True)
class SampleFabric:
    """One fabric of the demo; without `make_live` its API is unreachable.

    `change_agents` is what happened to its switches.
    """

    name: str
    make_live: Callable[[list[Manifest]], list[Manifest]] | None
    change_agents: Callable[[AgentSimulation], None] = keep_healthy

    @property
    def directory(self) -> Path:
        """The directory of its manifests."""
        return SAMPLES_DIR / self.name

    def read_desired(self) -> list[Manifest]:
        """Read the manifests, file by file."""
        files = sorted(self.directory.rglob("*.yaml"))
        return [manifest for file in files for manifest in read_manifests(file)]


def make_in_sync_objects(desired: list[Manifest]) -> list[Manifest]:
    """Return the live objects of a fabric that is in sync with Git."""
    return [admit(manifest) for manifest in hydrate(desired)]


def make_drifted_objects(desired: list[Manifest]) -> list[Manifest]:
    """Return the live objects of Oslo, where somebody used `kubectl` instead of Git."""
    live = make_in_sync_objects(desired)
    research, extra = _find_manifest(live, "VPC", "research"), admit(_EXTRA_SERVER)
    research["spec"]["subnets"]["gpu"]["vlan"] = 1140
    _add_manager(research, "kubectl-edit", {"f:subnets": {"f:gpu": {"f:vlan": {}}}})
    _add_manager(extra, "kubectl-create", {"f:description": {}})
    live.remove(_find_manifest(live, "VPCAttachment", "research-storage--nfs-01"))
    live.append(extra)
    return live


def _add_manager(manifest: Manifest, manager: str, fields: dict[str, Any]) -> None:
    """Note who has written fields of the spec, as a Kubernetes API does."""
    time = format_time(datetime.now(UTC) - TIME_OF_EDITS)
    entry = {"manager": manager, "operation": "Update", "time": time}
    managed = entry | {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}}
    manifest["metadata"] = {**manifest["metadata"], "managedFields": [managed]}


def _find_manifest(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    return next(m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))


_EXTRA_SERVER: Final[Manifest] = {
    "apiVersion": "wiring.githedgehog.com/v1beta1",
    "kind": "Server",
    "metadata": {"name": "gpu-loan-01"},
    "spec": {"description": "on loan until Friday"},
}

SAMPLE_FABRICS: Final = (
    SampleFabric("berlin-dc1", make_in_sync_objects),
    SampleFabric("oslo-dc2", make_drifted_objects, break_agents),
    SampleFabric("lyon-edge", None),
)
"""In sync, drifted (one object changed, one missing, one extra) and unreachable."""
