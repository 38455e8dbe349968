"""Agents can be read only with the role of `deploy/clusterrole-health.yaml`."""

import pytest

from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.permissions import Permissions
from tests.stack.kubernetes.conftest import ApiClient

GROUP = "/apis/agent.githedgehog.com/v1beta1"
AGENTS = f"{GROUP}/namespaces/default/agents"
GATEWAY_AGENTS = "/apis/gwint.githedgehog.com/v1alpha1/namespaces/default/gatewayagents"


@pytest.mark.parametrize("path", [AGENTS, GATEWAY_AGENTS])
def test_agents_are_forbidden_without_the_role(path: str, health_client: ApiClient) -> None:
    assert health_client.request(path).status == 200
    health_client.api.unbind_role("fabric-sync-health")
    refused = health_client.request(path)
    assert refused.status == 403
    assert "is forbidden" in refused.json()["message"]
    assert health_client.request(GROUP).status == 200


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("DELETE", f"{AGENTS}/leaf-1", ()),
        ("PATCH", f"{AGENTS}/leaf-1", ()),
        ("GET", AGENTS, ("watch",)),
        ("GET", f"{GROUP}/agents", ()),
        ("GET", f"{GROUP}/namespaces/default/catalogs", ()),
        ("GET", AGENTS.replace("default", "kube-system"), ()),
    ],
)
def test_role_allows_only_to_get_and_list_agents_of_the_fabric(
    method: str, path: str, query: tuple[str, ...]
) -> None:
    permissions = Permissions()
    permissions.bind(read_cluster_role(HEALTH_ROLE_FILE))
    assert permissions.find_refusal("GET", AGENTS, ("limit",)) == ""
    assert permissions.find_refusal("GET", f"{AGENTS}/leaf-1", ()) == ""
    assert permissions.find_refusal(method, path, query)
