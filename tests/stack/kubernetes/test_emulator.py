"""The emulated API behaves like a real one where a client can see the difference."""

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from fabrics.resources.kinds import get_kind
from stack.kubernetes.emulated_objects import MAX_IN_FLIGHT_REQUESTS
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator

SERVERS = "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers"


@pytest.fixture(scope="module")
def running() -> Iterator[EmulatedKubernetesApi]:
    with kubernetes_emulator() as api:
        yield api


@pytest.fixture
def api(running: EmulatedKubernetesApi) -> Iterator[EmulatedKubernetesApi]:
    yield running
    running.delete_all(get_kind("Server"))


@pytest.fixture
def client(running: EmulatedKubernetesApi) -> Iterator[urllib3.PoolManager]:
    token = {"Authorization": f"Bearer {running.auth.token}"}
    with urllib3.PoolManager(ca_cert_data=running.auth.ca_cert, headers=token) as manager:
        yield manager


def server(name: str, **spec: str) -> dict[str, Any]:
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Server",
        "metadata": {"name": name},
        "spec": spec,
    }


def get(client: urllib3.PoolManager, api: EmulatedKubernetesApi, path: str) -> dict[str, Any]:
    body: dict[str, Any] = client.request("GET", api.server + path, retries=False).json()
    return body


def test_each_write_gets_a_version_and_each_changed_spec_a_generation(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    writes = []
    for spec in ({}, {}, {"description": "x"}):
        api.apply(server("a", **spec))
        writes.append(get(client, api, f"{SERVERS}/a")["metadata"])
    patch = {"spec": {"description": "y"}}
    path = f"{api.server}{SERVERS}/a"
    merge = {**client.headers, "Content-Type": "application/merge-patch+json"}
    writes.append(client.request("PATCH", path, json=patch, headers=merge).json()["metadata"])

    assert [metadata["generation"] for metadata in writes] == [1, 1, 2, 3]
    versions = [int(metadata["resourceVersion"]) for metadata in writes]
    assert versions == sorted(set(versions))
    assert len({metadata["uid"] for metadata in writes}) == 1


def test_recreated_object_has_a_new_uid(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    api.apply(server("a"))
    first = get(client, api, f"{SERVERS}/a")["metadata"]["uid"]
    api.delete(get_kind("Server"), "a")
    assert get(client, api, f"{SERVERS}/a")["code"] == 404
    with pytest.raises(KeyError):
        api.delete(get_kind("Server"), "a")

    client.request("POST", api.server + SERVERS, json=server("a"))

    assert get(client, api, f"{SERVERS}/a")["metadata"]["uid"] != first


def test_pages_are_one_snapshot_until_their_token_expires(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    api.apply_all(server(f"{number}") for number in range(5))
    page = get(client, api, f"{SERVERS}?limit=2")
    api.apply(server("0a"))
    token = page["metadata"]["continue"]
    last_page = get(client, api, f"{SERVERS}?limit=3&continue={token}")

    names = [item["metadata"]["name"] for item in page["items"] + last_page["items"]]
    assert names == ["0", "1", "2", "3", "4"]
    assert page["kind"] == "ServerList"
    assert "continue" not in last_page["metadata"]

    api.expire_lists()
    assert get(client, api, f"{SERVERS}?limit=3&continue={token}")["code"] == 410


def test_wrong_tokens_and_unknown_kinds_are_refused(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert client.request("GET", api.server + SERVERS, headers=wrong).status == 401
    assert client.request("GET", api.server + SERVERS, headers={}).status == 401
    assert get(client, api, SERVERS.replace("servers", "switchs"))["code"] == 404
    assert get(client, api, SERVERS.replace("v1beta1", "v1"))["code"] == 404


def test_memory_does_not_grow_with_requests(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    for _ in range(3 * MAX_IN_FLIGHT_REQUESTS):
        get(client, api, SERVERS)

    objects = api._handler.objects
    assert len(objects._requests) <= MAX_IN_FLIGHT_REQUESTS + 1
    assert all(
        len(reaction._requests) <= MAX_IN_FLIGHT_REQUESTS + 1 for reaction in objects._payloads
    )


def test_dry_run_is_refused_and_changes_nothing(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    api.apply(server("a", description="x"))
    patch = {"spec": {"description": "y"}}
    merge = {**client.headers, "Content-Type": "application/merge-patch+json"}
    path = f"{api.server}{SERVERS}/a?dryRun=All"
    refused = client.request("PATCH", path, json=patch, headers=merge)
    assert (refused.status, refused.json()["reason"]) == (400, "BadRequest")
    assert get(client, api, f"{SERVERS}/a")["spec"] == {"description": "x"}


def test_kubectl_finds_a_document_about_openapi(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    found = client.request("GET", f"{api.server}/openapi/v2")
    assert (found.status, found.data) == (200, b"")
