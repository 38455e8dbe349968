"""The three fabrics of the demo: what Git asks of each, and what runs on it.

Git's side is written out in `stack/samples`, a directory for each fabric. The live side follows from it
as on a real fabric (`hydration` and `webhooks`), and on one of them somebody has since worked by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stack.demo.admission import admit
from stack.demo.hydration import hydrate
from stack.demo.manifests import Manifest, read_manifests

SAMPLES_DIR: Final = Path(__file__).parent.parent / "samples"


@dataclass(frozen=True)
class SampleFabric:
    """One fabric of the demo; `live` is None where its Kubernetes API can't be reached."""

    name: str
    make_live: Callable[[list[Manifest]], list[Manifest]] | None

    @property
    def directory(self) -> Path:
        """Where its manifests are."""
        return SAMPLES_DIR / self.name

    def read_desired(self) -> list[Manifest]:
        """The manifests, file by file."""
        files = sorted(self.directory.rglob("*.yaml"))
        return [manifest for file in files for manifest in read_manifests(file)]


def make_in_sync_objects(desired: list[Manifest]) -> list[Manifest]:
    """The live objects of a fabric that runs what Git says."""
    return [admit(manifest) for manifest in hydrate(desired)]


def make_drifted_objects(desired: list[Manifest]) -> list[Manifest]:
    """The live objects of Oslo after a night on which somebody used `kubectl` instead of Git."""
    live = make_in_sync_objects(desired)
    research, nfs = (
        _find_manifest(live, "VPC", "research"),
        _find_manifest(live, "VPCAttachment", "research-storage--nfs-01"),
    )
    research["spec"]["subnets"]["gpu"]["vlan"] = 1140
    live.remove(nfs)
    live.append(admit(_EXTRA_SERVER))
    return live


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
    SampleFabric("oslo-dc2", make_drifted_objects),
    SampleFabric("lyon-edge", None),
)
"""In sync, drifted (one object changed, one missing, one extra) and unreachable."""
