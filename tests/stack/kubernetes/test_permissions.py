"""Agents can be read only with the role of `deploy/clusterrole-health.yaml`."""

import pytest

from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.permissions import Permissions

GROUP = "/apis/agent.githedgehog.com/v1beta1"
AGENTS = f"{GROUP}/namespaces/default/agents"


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
