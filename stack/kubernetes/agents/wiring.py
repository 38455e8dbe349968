"""The switches, gateways, connections and profiles that agents know, by name."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

from stack.kubernetes.agents.cables import CableEnd, Swap, lay_cables
from stack.kubernetes.agents.ports import SwitchPorts, list_switch_ports
from stack.kubernetes.agents.switch_state import Neighbor, make_mac
from stack.kubernetes.emulated_objects import Item
from stack.kubernetes.manifests import Spec, iter_link_ends

WIRING_KINDS: Final = ("Switch", "Gateway", "Connection", "SwitchProfile")


class Wiring:
    """The specs of the objects of `WIRING_KINDS`."""

    def __init__(self) -> None:
        self._specs: defaultdict[str, dict[str, Spec]] = defaultdict(dict)

    @property
    def switches(self) -> dict[str, Spec]:
        """The switches by name."""
        return self._specs["Switch"]

    @property
    def gateways(self) -> dict[str, Spec]:
        """The gateways by name."""
        return self._specs["Gateway"]

    def record(self, item: Item) -> None:
        """Add or replace one object."""
        self._specs[item["kind"]][item["metadata"]["name"]] = item.get("spec") or {}

    def forget(self, item: Item) -> None:
        """Remove one object."""
        self._specs[item["kind"]].pop(item["metadata"]["name"], None)

    def group_connections(self) -> dict[str, dict[str, Spec]]:
        """Return the connections of each device."""
        groups: defaultdict[str, dict[str, Spec]] = defaultdict(dict)
        for name, spec in self._specs["Connection"].items():
            for end in iter_ends(spec):
                groups[end.device][name] = spec
        return groups

    def find_used_ends(self) -> set[CableEnd]:
        """Return all ends that connections name."""
        specs = self._specs["Connection"].values()
        return {end for connection in specs for end in iter_ends(connection)}

    def lay_cables(self, swaps: Iterable[Swap]) -> dict[CableEnd, CableEnd]:
        """Return the far end of each end of the cables."""
        return lay_cables(self._specs["Connection"].values(), swaps)

    def list_ports(self) -> dict[str, SwitchPorts]:
        """Return the ports of each switch."""
        used: defaultdict[str, list[str]] = defaultdict(list)
        for end in sorted(self.find_used_ends()):
            used[end.device].append(end.port)
        profiles = self._specs["SwitchProfile"]
        return {
            name: list_switch_ports(switch, profiles.get(switch.get("profile", "")), used[name])
            for name, switch in self.switches.items()
        }

    def describe_neighbor(self, end: CableEnd, ports: dict[str, SwitchPorts]) -> Neighbor:
        """Return what the device at `end` says of itself by LLDP.

        A gateway names its port, a server gives the port's MAC address.
        """
        if end.device in ports:
            port = ports[end.device].find(end.port)
            port_id = port.nos_name if port else end.port
        else:
            port_id = end.port if end.device in self.gateways else make_mac(*end)
        return {
            "chassis": make_mac(end.device),
            "sysName": end.device,
            "sysDescr": "Emulated",
            "portID": port_id,
            "portDescr": end.port,
        }


def iter_ends(connection: Spec) -> Iterator[CableEnd]:
    """Yield the ends of a Connection's spec."""
    return (CableEnd.parse(port) for _, port in iter_link_ends(connection))
