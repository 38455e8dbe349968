"""All agents of an emulated API: one for each Switch, and one for each Gateway.

Time comes from the API's clock: whenever agents are listed, they catch up with it. Any thread may call the
methods.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final

from fabrics.agents.table import AGENT, GATEWAY_AGENT
from fabrics.resources.kinds import Kind
from stack.kubernetes.agents.behaviour import AgentBehaviour, AgentProcess
from stack.kubernetes.agents.cables import CableEnd, Swap
from stack.kubernetes.agents.objects import make_agent, make_agent_spec, make_gateway_agent
from stack.kubernetes.agents.ports import SwitchPorts
from stack.kubernetes.agents.switch_state import Neighbor, State, make_state
from stack.kubernetes.agents.wiring import WIRING_KINDS, Wiring, iter_ends
from stack.kubernetes.emulated_objects import Item, Items, Write
from stack.kubernetes.manifests import Spec, format_time

_KINDS_WITH_AGENT: Final = ("Switch", "Gateway")


@dataclass
class _SimulatedAgent:
    """One agent, and its object, which depends on nothing but `inputs`."""

    process: AgentProcess
    created: str
    alterations: list[Callable[[State], None]] = field(default_factory=list)
    inputs: object = None
    item: Item = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _View:
    """What agents see until the next change."""

    ports: dict[str, SwitchPorts]
    connections: dict[str, dict[str, Spec]]
    used_ends: set[CableEnd]
    far_ends: dict[CableEnd, CableEnd]


class AgentSimulation:
    """The agents of `items`, an API's objects; all start healthy and applied.

    A changed Switch or Connection raises the generation of the agents that it concerns.
    """

    def __init__(
        self,
        items: Iterable[Item],
        clock: Callable[[], datetime],
        issue_resource_version: Callable[[], str],
    ) -> None:
        self._clock = clock
        self._issue_resource_version = issue_resource_version
        self._wiring = Wiring()
        self._agents: dict[str, _SimulatedAgent] = {}
        self._swaps: list[Swap] = []
        self._lock = Lock()
        self._view: _View | None = None
        for item in items:
            self._record(item)

    def observe(self, write: Write) -> None:
        """Follow a change of the API's objects."""
        if write.kind.name not in WIRING_KINDS or _get_spec(write.before) == _get_spec(write.after):
            return
        devices = _find_devices(write.before) | _find_devices(write.after)
        with self._change():
            concerned = [self._agents[name] for name in devices & self._agents.keys()]
            if write.after is not None:
                self._record(write.after)
            elif write.before is not None:
                self._forget(write.before)
            for agent in concerned:
                agent.process.update(self._clock())

    def list_items(self, kind: Kind) -> Items:
        """Return the agents of this kind as they are now, by name."""
        with self._lock:
            if kind == AGENT:
                return self._build_items(self._wiring.switches, self._make_agent)
            if kind == GATEWAY_AGENT:
                return self._build_items(self._wiring.gateways, self._make_gateway_agent)
            return []

    def set_behaviour(self, name: str, behaviour: AgentBehaviour) -> None:
        """Let the agent of this switch or gateway behave so from now on. Raises KeyError."""
        with self._change():
            process = self._agents[name].process
            process.advance(self._clock())
            process.behaviour = behaviour

    def update_spec(self, name: str) -> None:
        """Raise an agent's generation, as any change does that concerns its switch."""
        with self._change():
            self._agents[name].process.update(self._clock())

    def alter_state(self, switch: str, alteration: Callable[[State], None]) -> None:
        """Apply `alteration` to the `status.state` of all later reports of a switch."""
        with self._change():
            self._agents[switch].alterations.append(alteration)

    def swap_cables(self, first: str, second: str) -> None:
        """Exchange the cables in two ports, such as `leaf-01/E1/29` and `leaf-01/E1/31`.

        All four ends report what they then see.
        """
        with self._change():
            self._swaps.append((CableEnd.parse(first), CableEnd.parse(second)))

    def _record(self, item: Item) -> None:
        self._wiring.record(item)
        name = item["metadata"]["name"]
        if item["kind"] in _KINDS_WITH_AGENT and name not in self._agents:
            now = self._clock()
            self._agents[name] = _SimulatedAgent(AgentProcess(1, now), format_time(now))

    def _forget(self, item: Item) -> None:
        self._wiring.forget(item)
        if item["kind"] in _KINDS_WITH_AGENT:
            self._agents.pop(item["metadata"]["name"], None)

    @contextmanager
    def _change(self) -> Iterator[None]:
        with self._lock:
            self._view = None
            yield

    def _build_items(self, names: Iterable[str], make: Callable[[str, _View], Item]) -> Items:
        """Return the objects of these agents, made anew where an agent reported again."""
        view = self._get_view()
        items = []
        for name in sorted(names):
            agent = self._agents[name]
            agent.process.advance(self._clock())
            inputs = agent.process.report, view
            if agent.inputs != inputs:
                agent.inputs, agent.item = inputs, make(name, view)
            items.append(agent.item)
        return items

    def _get_view(self) -> _View:
        if self._view is None:
            wiring = self._wiring
            self._view = _View(
                wiring.list_ports(),
                wiring.group_connections(),
                wiring.find_used_ends(),
                wiring.lay_cables(self._swaps),
            )
        return self._view

    def _make_agent(self, name: str, view: _View) -> Item:
        def list_neighbors(end: CableEnd) -> list[Neighbor] | None:
            if end not in view.used_ends:
                return None
            far_ends = [view.far_ends[end]] if end in view.far_ends else []
            return [self._wiring.describe_neighbor(far, view.ports) for far in far_ends]

        agent, switch = self._agents[name], self._wiring.switches[name]
        report = int(agent.process.heartbeat.timestamp())
        state = make_state(name, switch, view.ports[name], list_neighbors, report)
        for alteration in agent.alterations:
            alteration(state)
        spec = make_agent_spec(switch, view.connections.get(name, {}))
        return make_agent(name, spec, agent.process, state, self._make_metadata(agent))

    def _make_gateway_agent(self, name: str, _view: _View) -> Item:
        agent, gateway = self._agents[name], self._wiring.gateways[name]
        return make_gateway_agent(name, gateway, agent.process, self._make_metadata(agent))

    def _make_metadata(self, agent: _SimulatedAgent) -> dict[str, str]:
        version = self._issue_resource_version()
        return {"creationTimestamp": agent.created, "resourceVersion": version}


def _get_spec(item: Item | None) -> object:
    return item.get("spec") or {} if item else None


def _find_devices(item: Item | None) -> set[str]:
    """Return the switches and gateways that an object concerns."""
    if item is None or item["kind"] == "SwitchProfile":
        return set()
    if item["kind"] == "Connection":
        return {end.device for end in iter_ends(item["spec"])}
    return {item["metadata"]["name"]}
