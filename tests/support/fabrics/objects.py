"""Short ways to write objects for tests."""

from typing import Any

from fabrics.drift import Drift, LiveState, find_drift
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, get_kind
from fabrics.resources.manifests import DesiredState, build_desired_state, parse_manifests
from fabrics.resources.resource import Resource, resource_from_api


def manifest(kind: str, name: str, spec: str = "{}", **metadata: str) -> str:
    """One YAML document; `spec` in flow style."""
    extra = "".join(f"  {field}: {value}\n" for field, value in metadata.items())
    return (
        f"apiVersion: {get_kind(kind).api_version}\nkind: {kind}\n"
        f"metadata:\n  name: {name}\n{extra}spec: {spec}\n"
    )


def desired(*documents: str) -> DesiredState:
    """The desired state of these documents, which have no mistakes."""
    state = build_desired_state([parse_manifests("fabric.yaml", "---\n".join(documents).encode())])
    assert state.problems == ()
    return state


def live(kind: str, name: str, spec: Json = None, **metadata: Json) -> Resource:
    """One object as the API returns it."""
    fields: dict[str, Any] = {"name": name, "namespace": "default", **metadata}
    return resource_from_api({"metadata": fields, "spec": spec or {}}, get_kind(kind))


def live_state(*resources: Resource, served: tuple[str, ...] = ()) -> LiveState:
    """A live state with every kind of these resources listed, and the empty ones of `served`."""
    found: dict[Kind, tuple[Resource, ...]] = {get_kind(name): () for name in served}
    for resource in resources:
        found[resource.kind] = (*found.get(resource.kind, ()), resource)
    return LiveState(found)


def paths(drift: Drift) -> list[str]:
    """The paths of all fields that drifted."""
    return [field.path for entry in drift.entries for field in entry.fields]


def compared(kind: str, git: str, cluster: Json) -> Drift:
    """The drift between one object in Git (its spec in YAML) and in the cluster."""
    return find_drift(desired(manifest(kind, "one", git)), live_state(live(kind, "one", cluster)))
