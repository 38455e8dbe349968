"""The emulated API answers as a real one does where a reader could tell the difference."""

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
    answer: dict[str, Any] = client.request("GET", api.server + path, retries=False).json()
    return answer


def test_every_write_gets_a_version_and_a_changed_spec_a_generation(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    seen = []
    for spec in ({}, {}, {"description": "x"}):
        api.apply(server("a", **spec))
        seen.append(get(client, api, f"{SERVERS}/a")["metadata"])
    patch = {"spec": {"description": "y"}}
    path = f"{api.server}{SERVERS}/a"
    merge = {**client.headers, "Content-Type": "application/merge-patch+json"}
    seen.append(client.request("PATCH", path, json=patch, headers=merge).json()["metadata"])

    assert [each["generation"] for each in seen] == [1, 1, 2, 3]
    versions = [int(each["resourceVersion"]) for each in seen]
    assert versions == sorted(set(versions))
    assert len({each["uid"] for each in seen}) == 1


def test_an_object_that_was_made_anew_is_another(
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


def test_pages_are_of_one_moment_until_their_token_expires(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    api.apply_all(server(f"{number}") for number in range(5))
    page = get(client, api, f"{SERVERS}?limit=2")
    api.apply(server("0a"))
    token = page["metadata"]["continue"]
    rest = get(client, api, f"{SERVERS}?limit=3&continue={token}")

    names = [item["metadata"]["name"] for item in page["items"] + rest["items"]]
    assert names == ["0", "1", "2", "3", "4"]
    assert page["kind"] == "ServerList"
    assert "continue" not in rest["metadata"]

    api.expire_lists()
    assert get(client, api, f"{SERVERS}?limit=3&continue={token}")["code"] == 410


def test_strangers_and_unknown_kinds_are_refused(
    api: EmulatedKubernetesApi, client: urllib3.PoolManager
) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    assert client.request("GET", api.server + SERVERS, headers=wrong).status == 401
    assert client.request("GET", api.server + SERVERS, headers={}).status == 401
    assert get(client, api, SERVERS.replace("servers", "switchs"))["code"] == 404
    assert get(client, api, SERVERS.replace("v1beta1", "v1"))["code"] == 404


def test_it_may_run_for_days(api: EmulatedKubernetesApi, client: urllib3.PoolManager) -> None:
    for _ in range(3 * MAX_IN_FLIGHT_REQUESTS):
        get(client, api, SERVERS)

    objects = api._handler.objects
    assert len(objects._requests) <= MAX_IN_FLIGHT_REQUESTS + 1
    assert all(
        len(reaction._requests) <= MAX_IN_FLIGHT_REQUESTS + 1 for reaction in objects._payloads
    )
