"""An emulated API whose time stands still until a test advances it."""

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from tests.support.agents.emulated_fabric import Clock


class Client[Api: KubernetesApi]:
    """A client with the worker's token."""

    def __init__(self, api: Api, manager: urllib3.PoolManager) -> None:
        self.api, self._manager = api, manager

    def request(self, path: str, accept: str = "application/json") -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {self.api.auth.token}", "Accept": accept}
        return self._manager.request("GET", self.api.server + path, headers=headers, retries=False)

    def get(self, path: str, accept: str = "application/json") -> dict[str, Any]:
        response = self.request(path, accept)
        assert response.status == 200, response.data
        body: dict[str, Any] = response.json()
        return body

    def delete(self, path: str) -> None:
        headers = {"Authorization": f"Bearer {self.api.auth.token}"}
        self._manager.request("DELETE", self.api.server + path, headers=headers, retries=False)


type ApiClient = Client[EmulatedKubernetesApi]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health_api(clock: Clock) -> Iterator[EmulatedKubernetesApi]:
    """An empty API whose client may read agents."""
    with kubernetes_emulator(clock=clock) as api:
        api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
        yield api


@pytest.fixture
def health_client(health_api: EmulatedKubernetesApi) -> Iterator[ApiClient]:
    with urllib3.PoolManager(ca_cert_data=health_api.auth.ca_cert) as manager:
        yield Client(health_api, manager)
