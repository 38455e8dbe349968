"""Tables have the cells that `kubectl get` prints."""

from datetime import timedelta
from typing import Any

import pytest

from stack.kubernetes.agents.behaviour import REBOOT_REQUIRED
from stack.kubernetes.table_response import format_age
from tests.stack.kubernetes.conftest import ApiClient
from tests.support.agents.emulated_fabric import Clock

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


def test_table_of_agents_has_what_they_report(health_client: ApiClient, clock: Clock) -> None:
    health_client.api.apply(switch("spine-1"))
    agents = health_client.api.run_agents()
    clock.advance(minutes=5, seconds=10)
    agents.set_behaviour("spine-1", REBOOT_REQUIRED)

    (row,) = rows(health_client.get(AGENTS, TABLE))
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
