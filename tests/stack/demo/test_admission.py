"""The demo's live objects equal what real webhooks and a real installer produce."""

import json
from typing import Any

import pytest

from stack.demo.admission import admit
from stack.demo.hydration import hydrate
from stack.kubernetes.manifests import Manifest, read_manifests
from tests.support.paths import HEDGEHOG

pytestmark = pytest.mark.skipif(
    not HEDGEHOG.exists(), reason="needs the recorded objects of real fabrics"
)

RECORDED = {
    "vlab-spine-leaf-unhydrated": ["vlab-spine-leaf/wiring.yaml"],
    "vlab-spine-leaf": ["vlab-spine-leaf/hydrated.yaml"],
    "vlab-gateway-externals": [
        "vlab-gateway-externals/hydrated.yaml",
        "vlab-gateway-externals/vpcs.composed.yaml",
    ],
    "demo-gitops-env-1": ["demo-gitops/env-1-pre-demo.yaml", "demo-gitops/env-1-demo.yaml"],
    "demo-gitops-env-3": ["demo-gitops/env-3-pre-demo.yaml", "demo-gitops/env-3-demo.yaml"],
}


@pytest.mark.parametrize("name", RECORDED)
def test_admission_equals_real_webhooks(name: str) -> None:
    admitted, recorded = by_name([admit(m) for m in desired(*RECORDED[name])]), live(name)
    assert len(admitted) > 5
    assert admitted == {name: recorded[name] for name in admitted}


def test_hydration_equals_real_installer() -> None:
    hydrated = [admit(manifest) for manifest in hydrate(desired("vlab-spine-leaf/wiring.yaml"))]
    assert by_name(hydrated) == live("vlab-spine-leaf")


def desired(*files: str) -> list[Manifest]:
    manifests = (m for file in files for m in read_manifests(HEDGEHOG / "samples" / file))
    return [manifest for manifest in manifests if not is_about_gateways(manifest)]


def is_about_gateways(manifest: Manifest) -> bool:
    """Return whether this is a gateway's manifest; the demo has no gateways."""
    return manifest["kind"].startswith("Gateway") or "gateway" in manifest["spec"]


def live(name: str) -> dict[str, Any]:
    """Return the recorded objects without the fields that the API server adds."""
    return by_name(json.loads((HEDGEHOG / "live" / f"{name}.webhook.json").read_text())["items"])


def by_name(manifests: list[Manifest]) -> dict[str, Any]:
    return {
        f"{manifest['kind']}/{manifest['metadata']['name']}": {
            "labels": manifest["metadata"].get("labels", {}),
            "annotations": manifest["metadata"].get("annotations", {}),
            "spec": manifest["spec"],
        }
        for manifest in manifests
    }
