"""Tables have the cells that `kubectl get` prints."""

from datetime import timedelta
from typing import Any

import pytest

from stack.kubernetes.agents.behaviour import REBOOT_REQUIRED
from stack.kubernetes.releases import AGENT
from stack.kubernetes.table_response import (
    NotAcceptableError,
    format_age,
    make_table,
    wants_table,
)
from tests.stack.kubernetes.conftest import START, ApiClient, Clock

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGENTS = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
GATEWAY_AGENTS = "/apis/gwint.githedgehog.com/v1alpha1/namespaces/default/gatewayagents"


def switch(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "wiring.githedgehog.com/v1beta1",
        "kind": "Switch",
        "metadata": {"name": name},
        "spec": {"role": "spine", "description": "top", "profile": "vs"},
    }


def rows(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells of each row by column."""
    names = [column["name"] for column in table["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in table["rows"]]


@pytest.mark.parametrize(
    ("seconds", "printed"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (11_100, "3h5m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (176_400, "2d1h"),
        (691_200, "8d"),
        (62_985_600, "729d"),
        (63_072_000, "2y"),
        (63_158_400, "2y1d"),
        (252_288_000, "8y"),
    ],
)
def test_ages_are_printed_as_by_kubectl(seconds: float, printed: str) -> None:
    assert format_age(timedelta(seconds=seconds)) == printed


@pytest.mark.parametrize(
    ("accept", "table"),
    [
        ("", False),
        ("application/json", False),
        ("*/*", False),
        (TABLE, True),
        (f"{TABLE},application/json", True),
        (f"application/json,{TABLE}", False),
        ("application/json;as=Table;v=v2;g=meta.k8s.io, application/json", False),
        (
            "application/vnd.kubernetes.protobuf, application/json; as=Table; v=v1; g=meta.k8s.io",
            True,
        ),
    ],
)
def test_first_supported_media_type_is_served(accept: str, table: bool) -> None:
    assert wants_table(accept) is table


@pytest.mark.parametrize("accept", ["text/html", "application/json;as=Table;v=v2;g=meta.k8s.io"])
def test_other_media_types_are_not_acceptable(accept: str, health_client: ApiClient) -> None:
    with pytest.raises(NotAcceptableError):
        wants_table(accept)
    assert health_client.request(AGENTS, accept).status == 406


def test_table_of_agents_has_all_columns_and_no_objects(
    health_client: ApiClient, clock: Clock
) -> None:
    health_client.api.apply(switch("spine-1"))
    agents = health_client.api.run_agents()
    clock.advance(minutes=5, seconds=10)
    agents.set_behaviour("spine-1", REBOOT_REQUIRED)

    response = health_client.request(f"{AGENTS}?includeObject=None", TABLE)
    table = response.json()

    assert response.headers["Content-Type"].startswith("application/json")
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [row["object"] for row in table["rows"]] == [None]
    (row,) = rows(table)
    assert row == {
        "Name": "spine-1",
        "Role": "spine",
        "Descr": "top",
        "HWSKU": "vs",
        "Heartbeat": "10s",
        "Applied": "5m10s",
        "AppliedG": 1,
        "CurrentG": 1,
        "Version": "v0.129.4",
        "RebootReq": "true",
        "Software": "4.5.1-emulated",
        "Attempt": "5m10s",
        "AttemptG": 1,
        "RoCE": None,
        "CurrRoCE": False,
        "ECMPQPN": None,
        "Age": "5m10s",
    }


def test_table_has_pages(health_client: ApiClient) -> None:
    health_client.api.apply_all(map(switch, ("a", "b", "c")))
    health_client.api.run_agents()
    first = health_client.get(f"{AGENTS}?limit=2", TABLE)
    token = first["metadata"]["continue"]
    last = health_client.get(f"{AGENTS}?limit=2&continue={token}", TABLE)
    assert [row["Name"] for row in rows(first) + rows(last)] == ["a", "b", "c"]
    assert "continue" not in last["metadata"]


def test_table_includes_metadata_by_default_and_objects_on_request(
    health_client: ApiClient,
) -> None:
    health_client.api.apply(switch("a"))
    health_client.api.run_agents()
    (row,) = health_client.get(f"{AGENTS}/a", TABLE)["rows"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert "spec" not in row["object"]
    (row,) = health_client.get(f"{AGENTS}?includeObject=Object", TABLE)["rows"]
    assert row["object"]["kind"] == "Agent"
    assert health_client.request(f"{AGENTS}?includeObject=All", TABLE).status == 400


def test_table_of_gateway_agents_has_their_columns(health_client: ApiClient) -> None:
    gateway = {
        "apiVersion": "gateway.githedgehog.com/v1alpha1",
        "kind": "Gateway",
        "metadata": {"name": "gateway-1"},
        "spec": {"protocolIP": "172.30.8.5/32", "vtepIP": "172.30.12.5/32"},
    }
    health_client.api.apply(gateway)
    health_client.api.run_agents()
    (row,) = rows(health_client.get(GATEWAY_AGENTS, TABLE))
    assert row == {
        "Name": "gateway-1",
        "Applied": "0s",
        "AppliedG": 1,
        "CurrentG": 1,
        "Version": "v0.129.4",
        "ProtoIP": "172.30.8.5/32",
        "VTEPIP": "172.30.12.5/32",
        "Age": "0s",
    }


def test_cells_are_empty_or_invalid_where_values_do_not_fit() -> None:
    status = {"lastAppliedGen": "7", "lastHeartbeat": "yesterday", "state": {"roce": 1}}
    agent = {"metadata": {"name": "a"}, "spec": {"role": 3}, "status": status}
    (row,) = rows(make_table(AGENT, [agent], {}, "None", START))
    assert row["Role"] == "3"
    assert row["Heartbeat"] == "<invalid>"
    assert row["AppliedG"] is None
    assert row["CurrRoCE"] is None
    assert row["Applied"] is None
