"""CustomResourceDefinitions and worker permissions for a new API server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.permissions import ClusterRole
from stack.kubernetes.printer_columns import get_printer_columns
from stack.kubernetes.releases import HedgehogRelease

CLUSTER_ROLE_FILE: Final = Path(__file__).parents[2] / "deploy" / "clusterrole.yaml"
HEALTH_ROLE_FILE: Final = CLUSTER_ROLE_FILE.with_name("clusterrole-health.yaml")
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
WORKER_NAME: Final = "fabric-sync"


def read_crds(crds: Path | None, release: HedgehogRelease) -> Iterator[dict[str, Any]]:
    """Read the definitions in `crds`.

    The release's kinds that are not defined there accept any spec.
    """
    files = sorted(crds.glob("*.yaml")) if crds else ()
    definitions = [yaml.safe_load(file.read_text()) for file in files]
    yield from definitions
    defined = {definition["metadata"]["name"] for definition in definitions}
    yield from (
        _make_schemaless_crd(kind) for kind in release.kinds if crd_name(kind) not in defined
    )


def crd_name(kind: Kind) -> str:
    """Return the name that Kubernetes requires for the definition of `kind`."""
    return f"{kind.plural}.{kind.group}"


def _make_schemaless_crd(kind: Kind) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": kind.version, "served": True, "storage": True}
    columns = [
        {"name": name, "type": type_, "jsonPath": path, "priority": priority}
        for name, type_, path, priority in get_printer_columns(kind)
    ]
    version = {**served, "schema": {"openAPIV3Schema": schema}, "additionalPrinterColumns": columns}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": crd_name(kind)},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.name, "plural": kind.plural},
            "versions": [version],
        },
    }


def read_cluster_role(file: Path = CLUSTER_ROLE_FILE) -> ClusterRole:
    """Read a ClusterRole that `deploy/` ships."""
    role: ClusterRole = yaml.safe_load(file.read_text())
    return role


def make_role_binding(role_name: str) -> dict[str, Any]:
    """Return the RoleBinding that grants the worker a role in the fabric's namespace."""
    role = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": role_name}
    worker = {"apiGroup": RBAC_GROUP, "kind": "User", "name": WORKER_NAME}
    return {
        "apiVersion": f"{RBAC_GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role_name, "namespace": DEFAULT_NAMESPACE},
        "roleRef": role,
        "subjects": [worker],
    }
