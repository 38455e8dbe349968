"""Manifests for the fabrics that benchmarks generate."""

from typing import Any

from fabrics.resources.kinds import get_kind


def make_manifest(kind: str, name: str, spec: Any, namespace: str = "default") -> dict[str, Any]:  # noqa: ANN401  YAML
    """Return the manifest of one object."""
    metadata = {"name": name, "namespace": namespace}
    api_version = get_kind(kind).api_version
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
