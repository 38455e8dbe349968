"""The Agent of a switch and the GatewayAgent of a gateway, as APIs return them.

The `spec` of an Agent holds secrets. Each made-up one here contains `SECRET_MARK`, so that tests can look
for it wherever it must not be.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from fabrics.agents.table import AGENT, GATEWAY_AGENT
from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.agents.behaviour import AgentProcess
from stack.kubernetes.agents.switch_state import State
from stack.kubernetes.emulated_objects import Item
from stack.kubernetes.manifests import Spec, format_time

SECRET_MARK: Final = "emulated-agent-secret"  # noqa: S105  it marks secrets and is none
AGENT_VERSION: Final = "v0.129.4"


def make_agent_spec(switch: Spec, connections: Mapping[str, Spec]) -> Spec:
    """Return the spec of the Agent of a switch with these connections."""
    password_hash = f"$5$salt${SECRET_MARK}-password-hash"
    return {
        "role": switch.get("role", ""),
        "description": switch.get("description", ""),
        "switch": dict(switch),
        "connections": dict(connections),
        "users": [
            {
                "name": name,
                "role": role,
                "password": password_hash,
                "sshKeys": [f"ssh-ed25519 {SECRET_MARK}-ssh-key {name}"],
            }
            for name, role in (("admin", "admin"), ("op", "operator"))
        ],
        "version": {
            "default": AGENT_VERSION,
            "repo": "registry.example/fabric/agent",
            "username": f"{SECRET_MARK}-registry-user",
            "password": f"{SECRET_MARK}-registry-password",
            "ca": f"{SECRET_MARK}-registry-ca",
        },
    }


def make_agent(
    name: str, spec: Spec, process: AgentProcess, state: State, metadata: Mapping[str, Any]
) -> Item:
    """Return the Agent of the switch `name`; `metadata` has its versions and its age."""
    agent = _make_object(AGENT, name, spec, process, metadata)
    if process.behaviour.reports:
        agent["status"] = _make_agent_status(name, process, state)
    return agent


def make_gateway_agent(
    name: str, gateway: Spec, process: AgentProcess, metadata: Mapping[str, Any]
) -> Item:
    """Return the GatewayAgent of the gateway `name`."""
    spec = {"agentVersion": AGENT_VERSION, "gateway": dict(gateway)}
    agent = _make_object(GATEWAY_AGENT, name, spec, process, metadata)
    if process.behaviour.reports:
        agent["status"] = _make_gateway_status(process)
    return agent


def _make_object(
    kind: Kind, name: str, spec: Spec, process: AgentProcess, metadata: Mapping[str, Any]
) -> Item:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": DEFAULT_NAMESPACE,
            "uid": str(uuid5(NAMESPACE_URL, f"{kind.name}/{name}")),
            "generation": process.generation,
            **metadata,
        },
        "spec": spec,
    }


def _make_agent_status(name: str, process: AgentProcess, state: State) -> Spec:
    run = str(uuid5(NAMESPACE_URL, f"{name}/{process.starts}"))
    return {
        "version": AGENT_VERSION,
        "installID": str(uuid5(NAMESPACE_URL, name)),
        "bootID": str(uuid5(NAMESPACE_URL, f"{name}/boot")),
        "runID": run,
        "lastHeartbeat": _format_reported(process, process.heartbeat),
        "lastAttemptTime": _format_reported(process, process.attempt.time),
        "lastAttemptGen": process.attempt.generation,
        "lastAppliedTime": _format_reported(process, process.applied.time),
        "lastAppliedGen": process.applied.generation,
        "rebootRequired": process.behaviour.reboot_required,
        "conditions": [_make_condition(process)],
        "state": state,
    }


def _make_condition(process: AgentProcess) -> Spec:
    """Return the condition that an agent sets after a success only."""
    return {
        "type": "Applied",
        "status": "True",
        "reason": "ApplySucceeded",
        "message": f"Config applied, gen={process.applied.generation}",
        "observedGeneration": process.applied.generation,
        "lastTransitionTime": _format_reported(process, process.applied.time),
    }


def _make_gateway_status(process: AgentProcess) -> Spec:
    status = {
        "agentVersion": AGENT_VERSION,
        "lastAppliedTime": _format_reported(process, process.applied.time),
        "lastAppliedGen": process.applied.generation,
        "state": {
            "dataplane": {"version": AGENT_VERSION},
            "frr": {"lastAppliedGen": process.applied.generation},
            "lastCollectedTime": _format_reported(process, process.heartbeat),
        },
    }
    if process.behaviour.heartbeat_interval:
        status["lastHeartbeat"] = _format_reported(process, process.heartbeat)
    return status


def _format_reported(process: AgentProcess, time: datetime) -> str:
    return format_time(time + process.behaviour.clock_offset)
