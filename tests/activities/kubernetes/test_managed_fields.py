"""Reads of who changed drifted objects: once a version, in no sync's way."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from activities.kubernetes import managed_fields
from activities.kubernetes.live_state import LiveStateCache
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import Resource
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import EndlessResponse, Fault

SERVER = get_kind("Server")
EDIT = "2026-11-24T14:02:00Z"


def server(name: str, manager: str = "kubectl-edit", description: str = "") -> dict[str, Any]:
    """Return a server whose description this manager has written."""
    managed = {
        "manager": manager,
        "operation": "Update",
        "time": EDIT,
        "fieldsV1": {"f:spec": {"f:description": {}}},
    }
    return {
        "apiVersion": SERVER.api_version,
        "kind": "Server",
        "metadata": {"name": name, "managedFields": [managed]},
        "spec": {"description": description or name},
    }


class Reading:
    """Reads of one API, over one cache."""

    def __init__(self, target: KubernetesTarget, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._states = LiveStateCache()

    def list_servers(self) -> tuple[Resource, ...]:
        return self._states.read(self._target, self._settings).resources[SERVER]

    def managers(self, resources: Iterable[Resource]) -> dict[str, str]:
        """Return the last managers of the descriptions of servers, by name."""
        managed = self._states.read_managed_fields(self._target, self._settings, resources)
        found = {
            key: fields.find_last_manager("spec.description") for key, fields in managed.items()
        }
        return {key.name: manager.name for key, manager in found.items() if manager}


@pytest.fixture
def reading(target: KubernetesTarget, settings: Settings) -> Reading:
    return Reading(target, settings)


def test_each_object_is_read_alone_and_once(api: EmulatedKubernetesApi, reading: Reading) -> None:
    api.apply_all([server("a"), server("b", "argocd"), server("c")])
    a, b, _ = reading.list_servers()
    before = len(api.request_paths)
    assert reading.managers([a, b]) == {"a": "kubectl-edit", "b": "argocd"}
    asked = [parse_qs(urlsplit(path).query) for path in api.request_paths[before:]]
    assert asked == [{"fieldSelector": [f"metadata.name={name}"]} for name in "ab"]
    assert reading.managers([a, b]) == {"a": "kubectl-edit", "b": "argocd"}
    assert len(api.request_paths) == before + 2


def test_changed_object_is_read_again(api: EmulatedKubernetesApi, reading: Reading) -> None:
    api.apply_all([server("a")])
    assert reading.managers(reading.list_servers()) == {"a": "kubectl-edit"}
    api.apply(server("a", "argocd", "new"))
    assert reading.managers(reading.list_servers()) == {"a": "argocd"}


def test_manager_of_another_version_than_was_compared_is_unknown(
    api: EmulatedKubernetesApi, reading: Reading
) -> None:
    api.apply_all([server("a")])
    compared = reading.list_servers()
    api.apply(server("a", "argocd", "new"))
    assert reading.managers(compared) == {}


def test_failed_request_ends_the_reading_and_is_no_error(
    api: EmulatedKubernetesApi, reading: Reading
) -> None:
    api.apply_all([server("a"), server("b")])
    servers = reading.list_servers()
    api.inject_fault(Fault(403, "servers"))
    before = len(api.request_paths)
    assert reading.managers(servers) == {}
    assert len(api.request_paths) == before + 1
    api.clear_faults()
    assert reading.managers(servers).keys() == {"a", "b"}


def test_endless_response_is_given_up_soon(
    api: EmulatedKubernetesApi, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed_fields, "MAX_SECONDS", 0.5)
    api.apply_all([server("a"), server("b")])
    servers = reading.list_servers()
    api.inject_fault(EndlessResponse(plural="servers"))
    before = len(api.request_paths)
    assert reading.managers(servers) == {}
    assert len(api.request_paths) == before + 1


@pytest.mark.parametrize("body", ["nonsense", "[]", '{"items": []' + " " * 2_100_000 + "}"])
def test_response_that_is_none_or_too_large_says_nothing(
    api: EmulatedKubernetesApi, reading: Reading, body: str
) -> None:
    api.apply_all([server("a")])
    servers = reading.list_servers()
    api.inject_fault(Fault(200, "servers", body=body))
    assert reading.managers(servers) == {}
