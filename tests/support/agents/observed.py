"""What the agents of a correctly cabled fabric observe."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fabrics.agents.facts import AgentFacts, parse_facts_page

SWITCH_PORTS = {"switch", "spine", "leaf", "leaf1", "leaf2"}


def print_port_names(
    switch: Mapping[str, Any], profile: Mapping[str, Any]
) -> dict[str, tuple[str, str]]:
    """Return how agent and NOS name each port, by each name in the API."""
    names: dict[str, tuple[str, str]] = {}
    for port, listed in profile["ports"].items():
        breakout = profile["portProfiles"].get(listed.get("profile", ""), {}).get("breakout")
        if not breakout:
            names[port] = names[f"{port}/1"] = (port, listed["nos"])
            continue
        mode = (switch.get("portBreakouts") or {}).get(port, breakout["default"])
        base = int(listed["baseNOSName"].removeprefix("Ethernet"))
        for lane, offset in enumerate(breakout["supported"][mode]["offsets"], 1):
            names[f"{port}/{lane}"] = (f"{port}/{lane}", f"Ethernet{base + int(offset)}")
        names[port] = names[f"{port}/1"]
    return names


def _list_link_ends(connection: Mapping[str, Any]) -> Iterable[Mapping[str, str]]:
    for type_, body in connection["spec"].items():
        if type_ in ("external", "staticExternal", "vpcLoopback", "mclagDomain", "topology"):
            continue
        for link in [*body.get("links", []), *([body["link"]] if "link" in body else [])]:
            yield {end: value["port"] for end, value in link.items()}


def observe_cabling(
    items: Iterable[Mapping[str, Any]], profiles: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the Agents of switches that hear just what Connections state."""
    items = list(items)
    specs = {item["metadata"]["name"]: item["spec"] for item in profiles}
    switches = {i["metadata"]["name"]: i["spec"] for i in items if i["kind"] == "Switch"}
    ports = {
        name: print_port_names(spec, specs[spec["profile"]]) for name, spec in switches.items()
    }
    interfaces: dict[str, dict[str, Any]] = {name: {} for name in switches}
    for connection in (item for item in items if item["kind"] == "Connection"):
        for link in _list_link_ends(connection):
            for end, far_end in (list(link), list(link)[::-1]):
                if end in SWITCH_PORTS:
                    device, _, port = link[end].partition("/")
                    interfaces[device][ports[device][port][0]] = {
                        "enabled": True,
                        "admin": "up",
                        "oper": "up",
                        "lldpNeighbors": [_make_neighbor(link[far_end], far_end, ports)],
                    }
    return [make_agent(name, interfaces[name]) for name in sorted(switches)]


def _make_neighbor(
    end: str, end_name: str, ports: Mapping[str, Mapping[str, tuple[str, str]]]
) -> dict[str, str]:
    device, _, port = end.partition("/")
    if end_name == "server":
        port = "0c:20:12:fe:00:01"
    if end_name in SWITCH_PORTS:
        port = ports[device][port][1]
    return {"sysName": device, "portID": port, "portDescr": "anything", "sysDescr": "anything"}


def make_agent(name: str, interfaces: Mapping[str, Any], **state: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return an Agent that has applied its generation; its spec is full of secrets."""
    return {
        "apiVersion": "agent.githedgehog.com/v1beta1",
        "kind": "Agent",
        "metadata": {"name": name, "namespace": "default", "generation": 3},
        "spec": {
            "role": "server-leaf",
            "users": [{"name": "admin", "password": f"s3cret-{name}-hash"}],
            "version": {"password": f"s3cret-{name}-registry"},
            "config": {"nested": [{"deep": f"s3cret-{name}-deep"}]},
        },
        "status": {
            "lastAppliedGen": 3,
            "lastAttemptGen": 3,
            "lastHeartbeat": "2026-11-28T10:00:00Z",
            "conditions": [],
            "state": {
                "nos": {
                    "serialNumber": f"SN-{name}",
                    "softwareVersion": "4.5.0",
                    "uptime": "1 day",
                },
                "interfaces": dict(interfaces),
                **state,
            },
        },
    }


def parse_agents(agents: Iterable[Mapping[str, Any]]) -> dict[str, AgentFacts]:
    """Return the facts of these Agents by name."""
    body = {"kind": "AgentList", "metadata": {}, "items": list(agents)}
    return {item.name: item for item in parse_facts_page(json.dumps(body).encode()).facts}
