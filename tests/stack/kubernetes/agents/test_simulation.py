"""Agents of an emulated API follow its objects and its clock."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fabrics.resources.kinds import get_kind
from stack.demo.fabrics import SAMPLE_FABRICS, make_in_sync_objects
from stack.demo.switch_profiles import make_switch_profiles
from stack.kubernetes.agents.behaviour import (
    CRASH_LOOP,
    HEALTHY,
    NEVER_REPORTED,
    SKEWED_CLOCK,
    AgentBehaviour,
)
from stack.kubernetes.agents.objects import SECRET_MARK
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.releases import HedgehogRelease
from tests.stack.kubernetes.conftest import ApiClient
from tests.support.agents.emulated_fabric import Clock

AGENTS = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
GATEWAY_AGENTS = "/apis/gwint.githedgehog.com/v1alpha1/namespaces/default/gatewayagents"
OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")

GATEWAY = {
    "apiVersion": "gateway.githedgehog.com/v1alpha1",
    "kind": "Gateway",
    "metadata": {"name": "gateway-1"},
    "spec": {},
}
GATEWAY_LINK = {
    "apiVersion": "wiring.githedgehog.com/v1beta1",
    "kind": "Connection",
    "metadata": {"name": "spine-01--gateway"},
    "spec": {
        "gateway": {
            "links": [
                {"switch": {"port": "spine-01/E1/9"}, "gateway": {"port": "gateway-1/enp2s1"}}
            ]
        }
    },
}


@pytest.fixture
def agents(health_client: ApiClient) -> AgentSimulation:
    """The agents of Oslo, with a gateway, all healthy."""
    live = make_in_sync_objects(OSLO.read_desired())
    health_client.api.apply_all([*make_switch_profiles(), *live, GATEWAY, GATEWAY_LINK])
    return health_client.api.run_agents()


def agent(client: ApiClient, name: str) -> dict[str, Any]:
    return client.get(f"{AGENTS}/{name}")


def neighbors(client: ApiClient, switch: str, port: str) -> list[tuple[str, str]]:
    """Return name and port of the neighbours that a switch reports at a port."""
    interface = agent(client, switch)["status"]["state"]["interfaces"][port]
    return [(heard["sysName"], heard["portID"]) for heard in interface["lldpNeighbors"]]


def switch_spec(client: ApiClient, name: str) -> dict[str, Any]:
    path = f"/apis/wiring.githedgehog.com/v1beta1/namespaces/default/switches/{name}"
    return client.get(path)


def test_each_switch_and_gateway_has_an_agent_that_has_applied_everything(
    agents: AgentSimulation, health_client: ApiClient
) -> None:
    listed = health_client.get(AGENTS)
    names = [item["metadata"]["name"] for item in listed["items"]]
    assert names == ["leaf-01", "leaf-02", "leaf-03", "spine-01", "spine-02"]
    assert listed["kind"] == "AgentList"
    for item in listed["items"]:
        assert item["status"]["lastAppliedGen"] == item["metadata"]["generation"]
    (gateway,) = health_client.get(GATEWAY_AGENTS)["items"]
    assert gateway["status"].keys() == {
        "agentVersion",
        "lastAppliedGen",
        "lastAppliedTime",
        "lastHeartbeat",
        "state",
    }
    agents.set_behaviour("gateway-1", AgentBehaviour(heartbeat_interval=None))
    (gateway,) = health_client.get(GATEWAY_AGENTS)["items"]
    assert "lastHeartbeat" not in gateway["status"]


@pytest.mark.usefixtures("agents")
def test_changes_of_a_switch_or_its_connections_reach_its_agent(
    health_client: ApiClient, clock: Clock
) -> None:
    spec = switch_spec(health_client, "leaf-01")
    spec["spec"]["description"] = "moved"
    health_client.api.apply(spec)
    health_client.api.delete(get_kind("Connection"), "login-01--unbundled--leaf-03")

    generations = {
        item["metadata"]["name"]: (
            item["metadata"]["generation"],
            item["status"]["lastAppliedGen"],
        )
        for item in health_client.get(AGENTS)["items"]
    }
    assert generations["leaf-01"] == generations["leaf-03"] == (2, 1)
    assert generations["leaf-02"] == generations["spine-01"] == (1, 1)
    clock.advance(seconds=5)
    assert agent(health_client, "leaf-01")["status"]["lastAppliedGen"] == 2


@pytest.mark.usefixtures("agents")
def test_agents_come_and_go_with_their_switches(health_client: ApiClient) -> None:
    spec = switch_spec(health_client, "leaf-01")
    health_client.delete("/apis/wiring.githedgehog.com/v1beta1/namespaces/default/switches/leaf-01")
    assert health_client.request(f"{AGENTS}/leaf-01").status == 404
    health_client.api.apply(spec)
    assert agent(health_client, "leaf-01")["metadata"]["generation"] == 1


def test_upgrade_is_a_change_for_every_switch(
    agents: AgentSimulation, health_client: ApiClient, clock: Clock
) -> None:
    agents.set_behaviour("leaf-02", CRASH_LOOP)
    health_client.api.upgrade(HedgehogRelease.NEXT)
    clock.advance(minutes=10)
    behind = [
        item["metadata"]["name"]
        for item in health_client.get(AGENTS)["items"]
        if item["status"]["lastAppliedGen"] < item["metadata"]["generation"]
    ]
    assert behind == ["leaf-02"]


def test_crash_loop_with_a_wrong_clock_shows_fresh_times_of_its_own(
    agents: AgentSimulation, health_client: ApiClient, clock: Clock
) -> None:
    agents.set_behaviour("leaf-01", replace(CRASH_LOOP, clock_offset=timedelta(days=1)))
    agents.update_spec("leaf-01")
    clock.advance(minutes=30)
    status = agent(health_client, "leaf-01")["status"]
    assert status["lastAppliedGen"] == 1
    assert status["lastHeartbeat"].startswith("2026-11-29T12:29")
    assert status["conditions"][0]["status"] == "True"

    agents.set_behaviour("leaf-01", HEALTHY)
    clock.advance(minutes=1)
    assert agent(health_client, "leaf-01")["status"]["lastAppliedGen"] == 2


def test_skewed_clock_and_missing_reports_are_visible(
    agents: AgentSimulation, health_client: ApiClient
) -> None:
    agents.set_behaviour("leaf-01", SKEWED_CLOCK)
    agents.set_behaviour("leaf-02", NEVER_REPORTED)
    status = agent(health_client, "leaf-01")["status"]
    assert status["lastHeartbeat"] == status["lastAppliedTime"] == "2026-11-28T05:00:00Z"
    assert "status" not in agent(health_client, "leaf-02")


@pytest.mark.usefixtures("agents")
def test_resource_version_changes_with_reports_only(health_client: ApiClient, clock: Clock) -> None:
    first, again = (agent(health_client, "leaf-01") for _ in range(2))
    clock.advance(seconds=15)
    later = agent(health_client, "leaf-01")
    assert first == again
    assert int(later["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    port = "E1/29/1"
    counters = [item["status"]["state"]["interfaces"][port]["counters"] for item in (first, later)]
    assert counters[0] != counters[1]


@pytest.mark.usefixtures("agents")
def test_secrets_are_marked_and_in_the_spec_only(health_client: ApiClient) -> None:
    item = agent(health_client, "leaf-01")
    (user, _) = item["spec"]["users"]
    for secret in (user["password"], *user["sshKeys"], item["spec"]["version"]["password"]):
        assert SECRET_MARK in secret
    assert SECRET_MARK not in json.dumps([item["metadata"], item["status"]])


@pytest.mark.usefixtures("agents")
def test_neighbors_are_those_of_the_connections(health_client: ApiClient) -> None:
    assert neighbors(health_client, "leaf-01", "E1/29/1") == [("spine-01", "Ethernet0")]
    assert neighbors(health_client, "spine-02", "E1/2/3") == [("leaf-03", "Ethernet124")]
    assert neighbors(health_client, "spine-01", "E1/9/1") == [("gateway-1", "enp2s1")]
    ((server, port),) = neighbors(health_client, "leaf-03", "E1/5/2")
    assert server == "login-02"
    assert port.startswith("02:00:")
    assert neighbors(health_client, "leaf-03", "E1/8/1") == []


def test_swapped_cables_are_seen_from_all_four_ends(
    agents: AgentSimulation, health_client: ApiClient
) -> None:
    agents.swap_cables("leaf-01/E1/29", "leaf-01/E1/31")
    assert neighbors(health_client, "leaf-01", "E1/29/1") == [("spine-02", "Ethernet0")]
    assert neighbors(health_client, "leaf-01", "E1/31/1") == [("spine-01", "Ethernet0")]
    assert neighbors(health_client, "spine-01", "E1/1/1") == [("leaf-01", "Ethernet120")]
    assert neighbors(health_client, "spine-02", "E1/1/1") == [("leaf-01", "Ethernet112")]


def test_reported_state_can_be_altered(agents: AgentSimulation, health_client: ApiClient) -> None:
    def alter(state: dict[str, Any]) -> None:
        state["breakouts"]["E1/5"]["mode"] = "1x100G"
        del state["transceivers"]["E1/1"]

    before = agent(health_client, "leaf-03")["status"]["state"]
    assert before["breakouts"]["E1/5"]["mode"] == "4x25G"
    assert before["transceivers"].keys() >= {"E1/1", "E1/5", "E1/29"}
    agents.alter_state("leaf-03", alter)
    after = agent(health_client, "leaf-03")["status"]["state"]
    assert after["breakouts"]["E1/5"]["mode"] == "1x100G"
    assert "E1/1" not in after["transceivers"]


def test_api_without_agents_lists_none(health_client: ApiClient) -> None:
    assert health_client.get(AGENTS)["items"] == []
    with pytest.raises(RuntimeError, match="run_agents"):
        _ = health_client.api.agents
