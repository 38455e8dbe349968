"""Neighbors that switches hear by LLDP, in terms of the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from fabrics.agents.facts import AgentFacts, Interface, Neighbor
from fabrics.agents.port_names import map_nos_ports
from fabrics.agents.wiring import DevicePort, Wiring
from fabrics.resources import spellings


class HeardNeighbor(NamedTuple):
    """A neighbor in terms of the API; `port` is None if it has no API name."""

    device: str
    port: str | None
    raw_port: str

    def __str__(self) -> str:
        port = self.port or self.raw_port
        return f"{self.device}/{port}" if port else self.device

    def is_at(self, end: DevicePort, *, port_matters: bool) -> bool:
        """True if the neighbor is this end of a link."""
        same_port = self.port == spellings.canonicalize_port(end.port)
        return self.device == end.device and (same_port or not port_matters)


@dataclass(frozen=True)
class Neighborhood:
    """What the ends of all links hear, by the `facts` of judged switches."""

    wiring: Wiring
    facts: Mapping[str, AgentFacts]

    @cached_property
    def heard(self) -> Mapping[DevicePort, Sequence[HeardNeighbor]]:
        """The neighbors with a name that each end hears, unless it is down."""
        return {end: self._hear(end) for link in self.wiring.links for end in link.ends}

    def _hear(self, end: DevicePort) -> Sequence[HeardNeighbor]:
        interface = self.find_interface(end)
        if interface is None or interface.is_down:
            return ()
        return [
            self._translate(neighbor) for neighbor in interface.neighbors if neighbor.system_name
        ]

    def _translate(self, neighbor: Neighbor) -> HeardNeighbor:
        device, raw_port = neighbor.system_name, neighbor.port_id
        if device in self.wiring.switches:
            return HeardNeighbor(device, self._nos_ports.get(device, {}).get(raw_port), raw_port)
        return HeardNeighbor(device, raw_port, raw_port)

    def find_interface(self, end: DevicePort) -> Interface | None:
        """Return the port of a judged switch; a first lane may have either name."""
        if end.device not in self.facts:
            return None
        interfaces = self.facts[end.device].interfaces
        port = spellings.canonicalize_port(end.port)
        return interfaces.get(port) or interfaces.get(f"{port}/1")

    @cached_property
    def _nos_ports(self) -> Mapping[str, Mapping[str, str]]:
        """The API names of the ports of judged switches by their NOS names.

        A switch that has not applied its breakouts yet has other names.
        """
        profiles = self.wiring.profiles
        return {
            name: map_nos_ports(switch, profiles[switch.profile])
            for name, switch in self.wiring.switches.items()
            if name in self.facts and switch.profile in profiles
        }
