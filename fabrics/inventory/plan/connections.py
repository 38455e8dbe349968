"""Connections: cables, the LAGs that they are bundled into, and the addresses of their ends."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from fabrics.inventory.model.dcim import LAG, Cable, Device, Interface
from fabrics.inventory.model.naming import INTERFACE, LABEL, fit
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import Draft, Unmapped
from fabrics.inventory.plan.devices import port_ref, switch_port_ref
from fabrics.inventory.plan.external_ports import add_static_external, lead_outwards
from fabrics.inventory.plan.links import End, JoinedEnds, links_of, type_of
from fabrics.inventory.plan.ports import SwitchPorts
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.wiring import ConnectionSpec

type Ports = Mapping[str, SwitchPorts]
"""The ports of switches by the `hh_key` of the switch."""

type Points = Mapping[str, tuple[Ref, ...]]
"""The interfaces of switches that a connection ends on, by the `hh_key` of the connection: its LAGs
where it has some, else its ports."""


def add_connections(draft: Draft, ports: Ports) -> Points:
    """Map all connections."""
    points: dict[str, tuple[Ref, ...]] = {}
    for connection in draft.live.of(ConnectionSpec):
        with draft.part(connection.key):
            points[connection.key] = _Cabling(draft, ports, connection).add()
    return points


@dataclass(frozen=True, slots=True)
class _Cabling:
    """Maps one connection."""

    draft: Draft
    ports: Ports
    connection: Object[ConnectionSpec]

    def add(self) -> tuple[Ref, ...]:
        """Everything of it; the interfaces of switches that it ends on."""
        kind, links = type_of(self.connection), list(links_of(self.connection))
        if not links:
            raise Unmapped("has no links")
        joins = self._outward if len(kind.ends) == 1 else self._cable
        joined: list[Ref] = []
        for link in links:
            with self.draft.part(f"{self.connection.key}{link.part}"):
                joined += joins(link)
        points = list(self._lags(joined)) if kind.lag else joined
        for point in points:
            self._set_mtu(point, kind.mtu)
        return tuple(filter(self._is_on_switch, points))

    def _cable(self, link: JoinedEnds) -> tuple[Ref, ...]:
        a, b = (self._port(end) for end in link.ends)
        if a == b:
            raise Unmapped("would join a port to itself")
        self.draft.add(
            Cable(
                key=f"{self.connection.key}{link.part}",
                a_terminations=(a,),
                b_terminations=(b,),
                label=fit(self.connection.name, LABEL),
                description=link.purpose,
            )
        )
        for port, end in zip((a, b), link.ends, strict=True):
            if end.spec.ip:
                with self.draft.part(f"{self.connection.key}#{end.spec.port}"):
                    add_address(self.draft, port, end.spec.ip, self.draft.fabric.underlay)
        return a, b

    def _outward(self, link: JoinedEnds) -> tuple[Ref, ...]:
        """A port whose far end is not part of the fabric, so that no cable can show it."""
        [end] = link.ends
        port = self._port(end)
        lead_outwards(self.draft, port, self.connection)
        if self.connection.spec.type == "staticExternal":
            add_static_external(self.draft, port, self.connection, end.spec)
        return (port,)

    def _port(self, end: End) -> Ref:
        name, port = end.spec.port.device, end.spec.port.port
        device = self.draft.named(Device, end.device, self.connection.namespace, name)
        ports = self.ports.get(device.key)
        ref = switch_port_ref(device, ports.name(port)) if ports else port_ref(device, port)
        if ref not in self.draft.wanted:
            raise Unmapped(f"names the port {end.spec.port}, which is not there")
        return ref

    def _lags(self, members: Iterable[Ref]) -> Iterator[Ref]:
        """One LAG on each device; its members are the ports that got a cable."""
        ports = sorted(map(self._interface, members), key=lambda port: port.natural_key)
        for device, group in groupby(ports, key=lambda port: port.device):
            with self.draft.part(f"{self.connection.key}#{device.key}"):
                yield self._lag(device, list(group))

    def _lag(self, device: Ref, members: list[Interface]) -> Ref:
        """The LAG keeps its key when the connection is renamed, and its name when it is rewired."""
        kind = type(members[0])
        lag = self.draft.add(
            kind(
                key=port_ref(device, f"lag:{members[0].key.partition('#')[2]}").key,
                device=device,
                name=fit(self.connection.name, INTERFACE),
                type=LAG,
            )
        )
        for member in members:
            self.draft.amend(replace(member, lag=lag))
        return lag

    def _set_mtu(self, point: Ref, usual: int) -> None:
        """A connection states that of its switches, a gateway those of its own interfaces."""
        port = self._interface(point)
        stated = self.connection.spec.body.mtu if self._is_on_switch(point) else port.mtu
        if mtu := stated or usual:
            self.draft.amend(replace(port, mtu=mtu))

    def _is_on_switch(self, point: Ref) -> bool:
        return self._interface(point).device.key in self.ports

    def _interface(self, ref: Ref) -> Interface:
        return self.draft.get(Interface, ref)
