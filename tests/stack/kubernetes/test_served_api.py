"""Tables, permissions and discovery of the emulator and of a kube-apiserver.

With `KUBEBUILDER_ASSETS` these tests run with the kube-apiserver, otherwise with the emulator.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import urllib3
import yaml
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from fabrics.agents.table import AGENT
from fabrics.resources.kinds import LATER_KINDS, Kind
from stack.kubernetes.api import kubernetes_api
from stack.kubernetes.base import KubernetesApi
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.printer_columns import get_printer_columns
from stack.kubernetes.releases import AGENT_KINDS, HedgehogRelease
from tests.stack.kubernetes.conftest import Client
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.paths import HEDGEHOG

TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGENTS: Final = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
GATEWAY_AGENTS: Final = "/apis/gwint.githedgehog.com/v1alpha1/namespaces/default/gatewayagents"
FABRICS: Final = "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/fabrics"
ROLE_DELAY_SECONDS: Final = 30
"""A kube-apiserver needs a moment to notice that a role was bound or unbound."""


type ServedApi = Client[KubernetesApi]


def await_status(client: ServedApi, status: int) -> urllib3.BaseHTTPResponse:
    """Return the first response with this status to a list of agents."""
    retrying = Retrying(
        stop=stop_after_delay(ROLE_DELAY_SECONDS),
        wait=wait_fixed(0.1),
        retry=retry_if_result(lambda response: response.status != status),
    )
    return retrying(client.request, AGENTS)


def bind_health_role(client: ServedApi) -> None:
    client.api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
    await_status(client, 200)


@pytest.fixture(scope="module", params=HedgehogRelease, ids=lambda release: release.name)
def release(request: pytest.FixtureRequest) -> HedgehogRelease:
    found: HedgehogRelease = request.param
    return found


@pytest.fixture(scope="module")
def running(release: HedgehogRelease) -> Iterator[ServedApi]:
    with (
        kubernetes_api(release=release) as api,
        urllib3.PoolManager(ca_cert_data=api.auth.ca_cert) as manager,
    ):
        client: ServedApi = Client(api, manager)
        bind_health_role(client)
        yield client


@pytest.fixture
def client(running: ServedApi) -> Iterator[ServedApi]:
    """A client of an empty API that may read agents."""
    yield running
    running.api.delete_all(AGENT)


def agent(name: str, status: dict[str, Any] | None = None, **spec: object) -> dict[str, Any]:
    item = {"apiVersion": AGENT.api_version, "kind": "Agent", "metadata": {"name": name}}
    return item | {"spec": spec} | ({"status": status} if status else {})


def cells(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of each row by column."""
    names = [column["name"] for column in table["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in table["rows"]]


@needs_samples
@pytest.mark.parametrize("kind", AGENT_KINDS, ids=lambda kind: kind.name)
def test_columns_of_agents_are_those_of_hedgehog(kind: Kind) -> None:
    crd = yaml.safe_load((HEDGEHOG / "crds" / f"{kind.group}_{kind.plural}.yaml").read_text())
    (version,) = crd["spec"]["versions"]
    assert [
        (column["name"], column["type"], column["jsonPath"], column.get("priority", 0))
        for column in version["additionalPrinterColumns"]
    ] == list(get_printer_columns(kind))


def test_table_has_all_columns_and_no_objects_if_none_are_wanted(client: ServedApi) -> None:
    client.api.apply(agent("leaf-01"))
    table = client.get(f"{AGENTS}?includeObject=None", TABLE)
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    first, *others = (
        (column["name"], column["type"], column["priority"])
        for column in table["columnDefinitions"]
    )
    assert first == ("Name", "string", 0)
    assert others == [
        (name, type_, priority) for name, type_, _, priority in get_printer_columns(AGENT)
    ]
    assert [row["object"] for row in table["rows"]] == [None]


def test_cells_that_have_no_value_are_null(client: ServedApi) -> None:
    client.api.apply(agent("leaf-01"))
    (row,) = cells(client.get(AGENTS, TABLE))
    assert row.pop("Name") == "leaf-01"
    assert row.pop("CurrentG") == 1
    assert re.fullmatch(r"\d+s", row.pop("Age"))
    assert set(row.values()) == {None}


def test_cells_are_printed_by_the_type_of_their_column(client: ServedApi) -> None:
    ten_days_ago = datetime.now(UTC) - timedelta(days=10, hours=1)
    status = {
        "lastAppliedTime": ten_days_ago.isoformat(timespec="seconds"),
        "lastAppliedGen": 7,
        "lastHeartbeat": "yesterday",
        "lastAttemptTime": 1,
        "lastAttemptGen": "7",
        "version": {"agent": ["v1"]},
        "rebootRequired": True,
        "state": {"roce": True},
    }
    client.api.apply(agent("leaf-01", status, role=3, switch={"roce": "yes"}))
    (row,) = cells(client.get(AGENTS, TABLE))
    expected = {
        "Role": "3",
        "Applied": "10d",
        "AppliedG": 7,
        "Heartbeat": "<invalid>",
        "Attempt": None,
        "AttemptG": None,
        "Version": '{"agent":["v1"]}',
        "RebootReq": "true",
        "RoCE": None,
        "CurrRoCE": True,
    }
    assert {name: row[name] for name in expected} == expected


def test_table_has_pages_of_one_snapshot(client: ServedApi) -> None:
    client.api.apply_all(map(agent, "abcde"))
    first = client.get(f"{AGENTS}?limit=2", TABLE)
    token = first["metadata"]["continue"]
    assert first["metadata"]["remainingItemCount"] == 3
    client.api.apply(agent("aa"))
    last = client.get(f"{AGENTS}?limit=5&continue={token}", TABLE)
    assert [row["Name"] for row in cells(first) + cells(last)] == list("abcde")
    assert "continue" not in last["metadata"]


def test_rows_have_metadata_by_default_and_objects_on_request(client: ServedApi) -> None:
    client.api.apply(agent("a", role="spine"))
    (row,) = client.get(f"{AGENTS}/a", TABLE)["rows"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert "spec" not in row["object"]
    (row,) = client.get(f"{AGENTS}?includeObject=Object", TABLE)["rows"]
    assert (row["object"]["kind"], row["object"]["spec"]) == ("Agent", {"role": "spine"})
    assert client.request(f"{AGENTS}?includeObject=All", TABLE).status == 400


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "AgentList"),
        (f"{TABLE},application/json", "Table"),
        (f"application/json,{TABLE}", "AgentList"),
        ("application/json;as=Table;v=v2;g=meta.k8s.io, application/json", "AgentList"),
    ],
)
def test_first_media_type_that_is_served_counts(client: ServedApi, accept: str, kind: str) -> None:
    assert client.get(AGENTS, accept)["kind"] == kind


@pytest.mark.parametrize("accept", ["text/html", "application/json;as=Table;v=v2;g=meta.k8s.io"])
def test_other_media_types_are_not_acceptable(client: ServedApi, accept: str) -> None:
    assert client.request(AGENTS, accept).status == 406


def test_agents_are_forbidden_without_their_role(client: ServedApi) -> None:
    client.api.unbind_role("fabric-sync-health")
    try:
        status = await_status(client, 403).json()
        assert client.request(GATEWAY_AGENTS).status == 403
        assert client.request("/apis/agent.githedgehog.com/v1beta1").status == 200
        with pytest.raises(KeyError):
            client.api.unbind_role("fabric-sync-health")
    finally:
        bind_health_role(client)
    assert (status["kind"], status["reason"], status["code"]) == ("Status", "Forbidden", 403)
    assert status["message"] == (
        'agents.agent.githedgehog.com is forbidden: User "fabric-sync" cannot list resource'
        ' "agents" in API group "agent.githedgehog.com" in the namespace "default"'
    )


def test_missing_object_is_not_found(client: ServedApi) -> None:
    response = client.request(f"{AGENTS}/none")
    assert response.status == 404
    assert response.json()["reason"] == "NotFound"
    assert response.json()["message"] == 'agents.agent.githedgehog.com "none" not found'


def test_kind_of_another_release_is_not_found(client: ServedApi, release: HedgehogRelease) -> None:
    is_served = "Fabric" in {kind.name for kind in release.kinds}
    assert client.request(FABRICS).status == (200 if is_served else 404)


def test_discovery_lists_groups_versions_and_kinds(
    client: ServedApi, release: HedgehogRelease
) -> None:
    listed = {group["name"]: group for group in client.get("/apis")["groups"]}
    names = {kind.group for kind in release.kinds}
    for name in names:
        group = client.get(f"/apis/{name}")
        assert group["kind"] == "APIGroup"
        assert group["preferredVersion"] == listed[name]["preferredVersion"]
        version = group["preferredVersion"]
        assert version["groupVersion"] == f"{name}/{version['version']}"
        assert version in group["versions"]
    found = {kind for name in names for kind in discover(client, name)}
    assert found >= set(release.kinds)
    assert not found & LATER_KINDS - set(release.kinds)


def discover(client: ServedApi, group: str) -> set[Kind]:
    """Return the kinds that discovery names in the preferred version of a group."""
    version = client.get(f"/apis/{group}")["preferredVersion"]["version"]
    document = client.get(f"/apis/{group}/{version}")
    assert (document["kind"], document["groupVersion"]) == ("APIResourceList", f"{group}/{version}")
    resources = [entry for entry in document["resources"] if "/" not in entry["name"]]
    for entry in resources:
        assert entry["namespaced"] is True
        assert entry["singularName"] == entry["kind"].lower()
        assert {"get", "list", "watch"} <= set(entry["verbs"])
    return {Kind(group, entry["kind"], version, entry["name"]) for entry in resources}


@pytest.mark.parametrize("path", ["/apis/other.githedgehog.com", "/apis/wiring.githedgehog.com/v1"])
def test_discovery_of_an_unknown_group_or_version_is_not_found(
    client: ServedApi, path: str
) -> None:
    assert client.request(path).status == 404
