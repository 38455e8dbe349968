"""The demo's live objects are what real webhooks and a real installer make of a manifest."""

import json
from typing import Any

import pytest

from stack.demo.admission import admit
from stack.demo.hydration import hydrate
from stack.demo.manifests import Manifest, read_manifests
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
def test_admits_as_the_real_webhooks_do(name: str) -> None:
    admitted, recorded = by_name([admit(m) for m in desired(*RECORDED[name])]), live(name)
    assert len(admitted) > 5
    assert admitted == {name: recorded[name] for name in admitted}


def test_hydrates_as_the_real_installer_does() -> None:
    hydrated = [admit(manifest) for manifest in hydrate(desired("vlab-spine-leaf/wiring.yaml"))]
    assert by_name(hydrated) == live("vlab-spine-leaf")


def desired(*files: str) -> list[Manifest]:
    manifests = (m for file in files for m in read_manifests(HEDGEHOG / "samples" / file))
    return [manifest for manifest in manifests if not about_gateways(manifest)]


def about_gateways(manifest: Manifest) -> bool:
    """Whether the demo has nothing of the kind."""
    return manifest["kind"].startswith("Gateway") or "gateway" in manifest["spec"]


def live(name: str) -> dict[str, Any]:
    """The recorded objects without what the API server itself adds to them."""
    return by_name(json.loads((HEDGEHOG / "live" / f"{name}.webhook.json").read_text())["items"])


def by_name(manifests: list[Manifest]) -> dict[str, Any]:
    return {
        f"{each['kind']}/{each['metadata']['name']}": {
            "labels": each["metadata"].get("labels", {}),
            "annotations": each["metadata"].get("annotations", {}),
            "spec": each["spec"],
        }
        for each in manifests
    }
