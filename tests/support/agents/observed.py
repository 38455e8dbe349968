"""What the agents of a fabric observe."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from fabrics.agents.facts import AgentFacts, parse_facts_page
from stack.kubernetes.agents.simulation import AgentSimulation

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def simulate_agents(items: Iterable[dict[str, Any]]) -> AgentSimulation:
    """Return the agents of a fabric that is cabled as its Connections state."""
    return AgentSimulation(items, lambda: NOW, lambda: "1")


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
