"""Short ways to write objects for tests."""

from typing import Any

from fabrics.drift import Drift, Live, find_drift
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, kind_named
from fabrics.resources.manifests import Desired, collect, parse_manifests
from fabrics.resources.resource import Resource, from_api


def manifest(kind: str, name: str, spec: str = "{}", **metadata: str) -> str:
    """One YAML document; `spec` in flow style."""
    extra = "".join(f"  {field}: {value}\n" for field, value in metadata.items())
    return (
        f"apiVersion: {kind_named(kind).api_version}\nkind: {kind}\n"
        f"metadata:\n  name: {name}\n{extra}spec: {spec}\n"
    )


def desired(*documents: str) -> Desired:
    """The desired state of these documents, which have no mistakes."""
    state = collect([parse_manifests("fabric.yaml", "---\n".join(documents).encode())])
    assert state.problems == ()
    return state


def live(kind: str, name: str, spec: Json = None, **metadata: Json) -> Resource:
    """One object as the API returns it."""
    fields: dict[str, Any] = {"name": name, "namespace": "default", **metadata}
    return from_api({"metadata": fields, "spec": spec or {}}, kind_named(kind))


def live_state(*resources: Resource, served: tuple[str, ...] = ()) -> Live:
    """A live state with every kind of these resources listed, and the empty ones of `served`."""
    found: dict[Kind, tuple[Resource, ...]] = {kind_named(name): () for name in served}
    for resource in resources:
        found[resource.kind] = (*found.get(resource.kind, ()), resource)
    return Live(found)


def paths(drift: Drift) -> list[str]:
    """The paths of all fields that drifted."""
    return [field.path for entry in drift.entries for field in entry.fields]


def compared(kind: str, git: str, cluster: Json) -> Drift:
    """The drift between one object in Git (its spec in YAML) and in the cluster."""
    return find_drift(desired(manifest(kind, "one", git)), live_state(live(kind, "one", cluster)))
