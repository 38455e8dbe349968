"""CustomResourceDefinitions and worker permissions for a new API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from fabrics.resources.kinds import LISTED_KINDS, Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE

CLUSTER_ROLE_FILE: Final = Path(__file__).parents[2] / "deploy" / "clusterrole.yaml"
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
WORKER_NAME: Final = "fabric-sync"


def read_crds(crds: Path | None) -> Iterator[dict[str, Any]]:
    """Read the definitions in `crds`, by default ones that accept any spec."""
    if crds is None:
        yield from map(_make_schemaless_crd, LISTED_KINDS)
    else:
        yield from (yaml.safe_load(file.read_text()) for file in sorted(crds.glob("*.yaml")))


def crd_name(kind: Kind) -> str:
    """Return the name that Kubernetes requires for the definition of `kind`."""
    return f"{kind.plural}.{kind.group}"


def _make_schemaless_crd(kind: Kind) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": kind.version, "served": True, "storage": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": crd_name(kind)},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.name, "plural": kind.plural},
            "versions": [{**served, "schema": {"openAPIV3Schema": schema}}],
        },
    }


def read_cluster_role() -> dict[str, Any]:
    """Read the ClusterRole that `deploy/` ships."""
    role: dict[str, Any] = yaml.safe_load(CLUSTER_ROLE_FILE.read_text())
    return role


def make_role_binding() -> dict[str, Any]:
    """Return the RoleBinding that grants the worker its role in one namespace."""
    role = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": WORKER_NAME}
    worker = {"apiGroup": RBAC_GROUP, "kind": "User", "name": WORKER_NAME}
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": WORKER_NAME, "namespace": DEFAULT_NAMESPACE},
        "roleRef": role,
        "subjects": [worker],
    }
