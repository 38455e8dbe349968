"""Discovery of kinds that this version does not know, and their objects."""

import json
from typing import Any

import pytest

from activities.errors import PermanentError, TransientError
from activities.kubernetes.discovery import MAX_VERSIONS
from activities.kubernetes.live_state import MAX_UNKNOWN_KINDS, LiveStateCache
from fabrics.drift.model import ListOutcome, UnknownKindObjects
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import GATEWAY_GROUP, VPC_GROUP, WIRING_GROUP, Kind, get_kind
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault

# The emulator serves known kinds only. Without version and plural they have to be discovered.
SERVER = Kind(WIRING_GROUP, "Server", "", "")
GATEWAY = Kind(GATEWAY_GROUP, "Gateway", "", "")
GIZMO = Kind(VPC_GROUP, "Gizmo", "", "")


def server(name: str, **metadata: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Server",
        "metadata": {"name": name, **metadata},
        "spec": {"x": 1},
    }


def read(
    target: KubernetesTarget, settings: Settings, *kinds: Kind
) -> dict[Kind, UnknownKindObjects]:
    return LiveStateCache().read_unknown_kinds(target, settings, kinds)


def test_kinds_are_listed_as_the_api_serves_them(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.apply_all(server(f"s-{number:03}") for number in range(501))

    objects = read(target, settings, SERVER, GATEWAY, GIZMO)

    assert {kind.name: found.outcome for kind, found in objects.items()} == {
        "Server": ListOutcome.LISTED,
        "Gateway": ListOutcome.LISTED,
        "Gizmo": ListOutcome.NOT_SERVED,
    }
    assert len(objects[SERVER].resources) == 501
    assert {resource.kind for resource in objects[SERVER].resources} == {SERVER}
    assert objects[GATEWAY].resources == ()
    assert sorted({path.partition("?")[0] for path in api.request_paths}) == [
        "/apis/gateway.githedgehog.com",
        "/apis/gateway.githedgehog.com/v1alpha1",
        "/apis/gateway.githedgehog.com/v1alpha1/namespaces/default/gateways",
        "/apis/vpc.githedgehog.com",
        "/apis/vpc.githedgehog.com/v1beta1",
        "/apis/wiring.githedgehog.com",
        "/apis/wiring.githedgehog.com/v1beta1",
        "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers",
    ]


def test_owned_objects_are_marked(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    owners = [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1"}]
    api.apply_all([server("a", ownerReferences=owners)])
    assert read(target, settings, SERVER)[SERVER].resources[0].made_by_controller


@pytest.mark.parametrize("path_part", ["servers", "v1beta1", WIRING_GROUP])
def test_forbidden_discovery_or_list_is_no_error(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, path_part: str
) -> None:
    api.inject_fault(Fault(403, path_part))
    assert read(target, settings, SERVER)[SERVER].outcome is ListOutcome.FORBIDDEN


def test_group_that_is_not_served_serves_no_kind(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.inject_fault(Fault(404, WIRING_GROUP))
    assert read(target, settings, SERVER)[SERVER].outcome is ListOutcome.NOT_SERVED


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(401), PermanentError),
        (Fault(500, "servers"), TransientError),
        (Fault(503, WIRING_GROUP), TransientError),
        (Fault(302, WIRING_GROUP, body=""), PermanentError),
        (Fault(200, WIRING_GROUP, body="<html>"), PermanentError),
        (Fault(200, WIRING_GROUP, body="{}"), PermanentError),
        (Fault(200, WIRING_GROUP, body="[" * 100_000), PermanentError),
    ],
    ids=repr,
)
def test_other_failures_are_errors(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    fault: Fault,
    error: type[Exception],
) -> None:
    api.inject_fault(fault)
    with pytest.raises(error):
        read(target, settings, SERVER)


def test_answer_that_is_too_large_is_an_error(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.inject_fault(Fault(200, WIRING_GROUP, body=" " * (3 << 20)))
    with pytest.raises(PermanentError, match="sent more than 2 MB"):
        read(target, settings, SERVER)


def test_kind_in_another_than_the_preferred_version_is_found(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    api.apply_all([server("a")])
    versions = [{"version": "v1"}, {"version": "v1beta1"}]
    group = {"kind": "APIGroup", "versions": versions, "preferredVersion": {"version": "v1"}}
    api.inject_fault(Fault(200, WIRING_GROUP, body=json.dumps(group), times=1))
    assert len(read(target, settings, SERVER)[SERVER].resources) == 1


@pytest.mark.parametrize(("verbs", "namespaced"), [(["create"], True), (["list"], False)])
def test_kind_that_cannot_be_listed_in_a_namespace_is_not_read(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    verbs: list[str],
    namespaced: bool,
) -> None:
    rows = [
        {"name": "servers/status", "kind": "Server", "verbs": ["list"], "namespaced": True},
        {"name": "servers", "kind": "Server", "verbs": verbs, "namespaced": namespaced},
    ]
    body = json.dumps({"kind": "APIResourceList", "resources": rows})
    api.inject_fault(Fault(200, "v1beta1", body=body))
    assert read(target, settings, SERVER)[SERVER].outcome is ListOutcome.NOT_READ


def test_kind_of_which_only_a_subresource_is_served_is_not_served(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    rows = [{"name": "servers/status", "kind": "Server", "verbs": ["list"], "namespaced": True}]
    body = json.dumps({"kind": "APIResourceList", "resources": rows})
    api.inject_fault(Fault(200, "v1beta1", body=body))
    assert read(target, settings, SERVER)[SERVER].outcome is ListOutcome.NOT_SERVED


def test_number_of_kinds_is_bounded(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    kinds = [Kind(VPC_GROUP, f"Gizmo{number}", "", "") for number in range(100)]
    assert len(read(target, settings, *kinds)) == MAX_UNKNOWN_KINDS
    assert len(api.request_paths) == 2


def test_number_of_versions_is_bounded(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    versions = [{"version": f"v{number}"} for number in range(100)]
    body = json.dumps({"versions": versions, "preferredVersion": versions[0]})
    api.inject_fault(Fault(200, VPC_GROUP, body=body, times=1))
    assert read(target, settings, GIZMO)[GIZMO].outcome is ListOutcome.NOT_SERVED
    assert len(api.request_paths) == 1 + MAX_VERSIONS


def test_known_kinds_need_no_discovery(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings
) -> None:
    LiveStateCache().read(target, settings)
    assert get_kind("Fabric").plural in {
        path.partition("?")[0].rpartition("/")[2] for path in api.request_paths
    }
    assert all("/namespaces/" in path for path in api.request_paths)
