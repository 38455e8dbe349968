"""Who has written a field last, as managed fields tell."""

import json
from typing import Any

import pytest

from fabrics.resources.api_json import TooLargeError
from fabrics.resources.managed_fields import ManagedFields, parse_managed_fields

MORNING, NOON = "2026-11-24T08:00:00Z", "2026-11-24T12:00:00Z"
SPEC: dict[str, Any] = {
    ".": {},
    "f:description": {},
    "f:links": {},
    "f:subnets": {".": {}, "f:a": {".": {}, "f:vlan": {}}, "f:b/c.d": {"f:vlan": {}}},
    "f:ports": {'k:{"name":"a"}': {".": {}, "f:speed": {}}},
}


def entry(manager: str, time: str | None = MORNING, **fields: object) -> dict[str, Any]:
    """Return an entry of a manager of these fields."""
    named = {f"f:{name}": value for name, value in fields.items()}
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": named}


def parse(*entries: dict[str, Any]) -> ManagedFields:
    """Return the managed fields of one object."""
    metadata = {"uid": "u", "resourceVersion": "7", "managedFields": list(entries)}
    response = {"kind": "VPCList", "items": [{"metadata": metadata, "spec": {}}]}
    (managed,) = parse_managed_fields(json.dumps(response).encode()).values()
    return managed


def manager_of(path: str, *entries: dict[str, Any]) -> str:
    """Return the name of the last manager; empty if none is known."""
    manager = parse(*entries).find_last_manager(path)
    return manager.name if manager else ""


@pytest.mark.parametrize(
    "path",
    [
        "spec",
        "spec.description",
        "spec.subnets",
        "spec.subnets.a",
        "spec.subnets.a.vlan",
        'spec.subnets["b/c.d"].vlan',
        "spec.links",
        "spec.links[leaf-01/E1/1, leaf-02/E1/1]",
        "spec.links[0].port",
    ],
)
def test_manager_of_a_field_of_what_is_in_it_or_of_the_whole_around_it_is_known(path: str) -> None:
    assert manager_of(path, entry("kubectl-edit", spec=SPEC)) == "kubectl-edit"


@pytest.mark.parametrize(
    "path",
    [
        "spec.mode",
        "spec.subnets.b",
        "spec.subnets.a.gateway",
        "spec.ports[a].speed",
        "metadata.labels.x",
    ],
)
def test_manager_of_any_other_field_is_not_known(path: str) -> None:
    assert manager_of(path, entry("kubectl-edit", spec=SPEC)) == ""


def test_latest_of_several_managers_counts() -> None:
    early, late = entry("argocd", spec=SPEC), entry("kubectl-edit", NOON, spec=SPEC)
    for entries in ((early, late), (late, early)):
        assert manager_of("spec.description", *entries) == "kubectl-edit"
    other = entry("kubectl-label", NOON, metadata={"f:labels": {"f:x": {}}})
    assert manager_of("spec.description", early, other) == "argocd"


def test_times_are_of_utc_whatever_their_offset() -> None:
    manager = parse(entry("kubectl-edit", "2026-11-24T14:00:00+02:00", spec=SPEC)).managers[0]
    assert manager.time.isoformat() == "2026-11-24T12:00:00+00:00"


@pytest.mark.parametrize(
    "unusable",
    [
        entry("fabric", spec=SPEC) | {"subresource": "status"},
        entry("", spec=SPEC),
        entry("kubectl", None, spec=SPEC),
        entry("kubectl", spec=1),
        entry("kubectl"),
        entry("kubectl", "0001-01-01T00:00:00+01:00", spec=SPEC),
    ],
)
def test_entry_that_does_not_say_who_or_when_counts_for_nothing(unusable: dict[str, Any]) -> None:
    assert manager_of("spec.description", unusable) == ""


def test_objects_are_told_apart_by_their_version() -> None:
    items = [{"metadata": {"uid": uid, "resourceVersion": "1"}} for uid in "ab"]
    assert parse_managed_fields(json.dumps({"items": items}).encode()) == {
        ("a", "1"): ManagedFields(),
        ("b", "1"): ManagedFields(),
    }


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b"nonsense", b'{"items": [{"metadata": {"managedFields": [{"time": 1}]}}]}'],
)
def test_anything_else_is_an_error(body: bytes) -> None:
    with pytest.raises(ValueError, match="This is not a list of Kubernetes objects"):
        parse_managed_fields(body)


def test_response_that_is_too_large_is_refused() -> None:
    with pytest.raises(TooLargeError):
        parse_managed_fields(b'{"items": []' + b" " * 2_100_000 + b"}")
