"""Helpers that build manifests, resources, states and drifts for tests."""

from typing import Any

from fabrics.drift.compare import find_drift
from fabrics.drift.model import Drift, LiveState
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, get_kind
from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, resource_from_api


def manifest(kind: str, name: str, spec: str = "{}", **metadata: str) -> str:
    """Return one YAML document; `spec` is in flow style."""
    extra = "".join(f"  {field}: {value}\n" for field, value in metadata.items())
    return (
        f"apiVersion: {get_kind(kind).api_version}\nkind: {kind}\n"
        f"metadata:\n  name: {name}\n{extra}spec: {spec}\n"
    )


def desired(*documents: str) -> DesiredState:
    """Return the desired state of YAML documents without mistakes."""
    state = build_desired_state([parse_manifests("fabric.yaml", "---\n".join(documents).encode())])
    assert state.problems == ()
    return state


def live(kind: str, name: str, spec: Json = None, **metadata: Json) -> Resource:
    """Return one resource as the API has it."""
    fields: dict[str, Any] = {"name": name, "namespace": "default", **metadata}
    return resource_from_api({"metadata": fields, "spec": spec or {}}, get_kind(kind))


def live_state(*resources: Resource, served: tuple[str, ...] = ()) -> LiveState:
    """Return the live state of these resources; the kinds in `served` may be empty."""
    by_kind: dict[Kind, tuple[Resource, ...]] = {get_kind(name): () for name in served}
    for resource in resources:
        by_kind[resource.kind] = (*by_kind.get(resource.kind, ()), resource)
    return LiveState(by_kind)


def paths(drift: Drift) -> list[str]:
    """Return the paths of all fields that drifted."""
    return [field.path for entry in drift.entries for field in entry.fields]


def compared(kind: str, git: str, cluster: Json) -> Drift:
    """Return the drift between the specs of one object: `git` in YAML and `cluster`."""
    return find_drift(desired(manifest(kind, "one", git)), live_state(live(kind, "one", cluster)))
