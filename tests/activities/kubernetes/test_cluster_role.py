"""The shipped ClusterRoles allow exactly what the worker does."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from fabrics.agents.table import AGENT_TABLE, GATEWAY_AGENT_TABLE
from fabrics.resources.kinds import LISTED_KINDS
from stack.kubernetes.base import KubernetesApi
from tests.support.paths import PROJECT

ROLE = PROJECT / "deploy" / "clusterrole.yaml"
HEALTH_ROLE = PROJECT / "deploy" / "clusterrole-health.yaml"
NEEDED = Counter((kind.group, kind.plural, "list") for kind in LISTED_KINDS)
NEEDED_FOR_HEALTH = Counter(
    (table.kind.group, table.kind.plural, verb)
    for table in (AGENT_TABLE, GATEWAY_AGENT_TABLE)
    for verb in ("get", "list")
)

SWITCHES = "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/switches"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"

needs_kube_apiserver = pytest.mark.skipif(
    not os.environ.get("KUBEBUILDER_ASSETS"),
    reason="the emulator has no RBAC: KUBEBUILDER_ASSETS names no folder with a kube-apiserver",
)


def allowed(rules: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str, str]]:
    return Counter(
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


@pytest.fixture
def worker(fabric_api: KubernetesApi) -> Iterator[urllib3.PoolManager]:
    """A client with the worker's token."""
    identity = fabric_api.auth
    token = {"Authorization": f"Bearer {identity.token}"}
    with urllib3.PoolManager(ca_cert_data=identity.ca_cert, headers=token) as manager:
        yield manager


@pytest.mark.parametrize(
    ("file", "needed"), [(ROLE, NEEDED), (HEALTH_ROLE, NEEDED_FOR_HEALTH)], ids=["sync", "health"]
)
def test_roles_allow_only_to_read_the_kinds_in_use(
    file: Path, needed: Counter[tuple[str, str, str]]
) -> None:
    (role,) = yaml.safe_load_all(file.read_text())

    assert allowed(role["rules"]) == needed
    assert all(rule.keys() == {"apiGroups", "resources", "verbs"} for rule in role["rules"])


@needs_kube_apiserver
def test_role_binding_adds_no_other_permission(
    worker: urllib3.PoolManager, fabric_api: KubernetesApi
) -> None:
    def rules(namespace: str) -> Counter[tuple[str, str, str]]:
        review = {"spec": {"namespace": namespace}}
        status = worker.request("POST", fabric_api.server + REVIEWS, json=review).json()["status"]
        assert not status["incomplete"]
        return allowed(status["resourceRules"])

    everyones = rules("kube-system")

    assert not {resource for _, resource, _ in everyones} & {kind.plural for kind in LISTED_KINDS}
    assert rules("default") - everyones == NEEDED


@needs_kube_apiserver
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{SWITCHES}/leaf-1"),
        ("GET", f"{SWITCHES}?watch=true"),
        ("GET", SWITCHES.replace("/namespaces/default", "")),
        ("GET", SWITCHES.replace("default", "kube-system")),
        ("GET", SWITCHES.replace("switches", "serverprofiles")),
        ("GET", SWITCHES.replace("switches", "switchprofiles/vs")),
        ("GET", "/api/v1/namespaces/default/secrets"),
        ("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
        ("POST", SWITCHES),
        ("PATCH", f"{SWITCHES}/leaf-1"),
        ("DELETE", f"{SWITCHES}/leaf-1"),
        ("DELETE", SWITCHES),
    ],
)
def test_other_requests_are_forbidden(
    method: str, path: str, worker: urllib3.PoolManager, fabric_api: KubernetesApi
) -> None:
    assert worker.request("GET", fabric_api.server + SWITCHES).status == 200

    assert worker.request(method, fabric_api.server + path).status == 403
