"""Connections: cables, LAGs, and the addresses of their ends."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby

from fabrics.inventory.model.dcim import INTERFACE_TYPE_LAG, Cable, Device, Interface
from fabrics.inventory.model.naming import MAX_DEVICE_NAME_CHARS, MAX_NAME_CHARS, shorten
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.plan.connection_types import (
    ConnectionLink,
    LinkEnd,
    get_connection_type,
    list_links,
)
from fabrics.inventory.plan.devices import port_ref, switch_port_ref
from fabrics.inventory.plan.external_ports import add_static_external, mark_external_port
from fabrics.inventory.plan.ports import SwitchPorts
from fabrics.inventory.specs.connections import ConnectionSpec
from fabrics.inventory.specs.parse import LiveObject

type PortsBySwitch = Mapping[str, SwitchPorts]
"""The ports of switches by the `hh_key` of the switch."""

type InterfacesByConnection = Mapping[str, tuple[Ref, ...]]
"""The switch interfaces that a connection ends on, its LAGs or else its ports, by the `hh_key` of the connection."""


def add_connections(builder: PlanBuilder, ports: PortsBySwitch) -> InterfacesByConnection:
    """Add all connections; return the switch interfaces that they end on."""
    interfaces: dict[str, tuple[Ref, ...]] = {}
    for connection in builder.live.list_kind(ConnectionSpec):
        with builder.skip_unmappable(connection.key):
            interfaces[connection.key] = _ConnectionMapper(builder, ports, connection).add()
    return interfaces


@dataclass(frozen=True, slots=True)
class _ConnectionMapper:
    builder: PlanBuilder
    ports: PortsBySwitch
    connection: LiveObject[ConnectionSpec]

    def add(self) -> tuple[Ref, ...]:
        """Add everything of the connection; return the switch interfaces that it ends on."""
        kind, links = get_connection_type(self.connection), list(list_links(self.connection))
        if not links:
            raise MappingError("has no links")
        ports: list[Ref] = []
        for link in links:
            with self.builder.skip_unmappable(f"{self.connection.key}{link.key_suffix}"):
                ports += self._add_link(link)
        interfaces = list(self._add_lags(ports)) if kind.is_lag else ports
        for interface in interfaces:
            self._set_mtu(interface, kind.default_mtu)
        return tuple(filter(self._is_on_switch, interfaces))

    def _add_link(self, link: ConnectionLink) -> tuple[Ref, ...]:
        is_external = len(link.ends) == 1
        return self._add_external_port(link) if is_external else self._add_cable(link)

    def _add_cable(self, link: ConnectionLink) -> tuple[Ref, ...]:
        a, b = (self._find_port(end) for end in link.ends)
        if a == b:
            raise MappingError("would connect a port to itself")
        self.builder.add(
            Cable(
                key=f"{self.connection.key}{link.key_suffix}",
                a_terminations=(a,),
                b_terminations=(b,),
                label=shorten(self.connection.name, MAX_NAME_CHARS),
                description=link.purpose,
            )
        )
        for port, end in zip((a, b), link.ends, strict=True):
            if end.spec.ip:
                with self.builder.skip_unmappable(f"{self.connection.key}#{end.spec.port}"):
                    add_address(self.builder, port, end.spec.ip, self.builder.fabric.underlay_ref)
        return a, b

    def _add_external_port(self, link: ConnectionLink) -> tuple[Ref, ...]:
        """Mark a port whose far end is outside of the fabric: no cable can show it."""
        [end] = link.ends
        port = self._find_port(end)
        mark_external_port(self.builder, port, self.connection.name)
        if self.connection.spec.type == "staticExternal":
            add_static_external(self.builder, port, self.connection, end.spec)
        return (port,)

    def _find_port(self, end: LinkEnd) -> Ref:
        name, port = end.spec.port.device, end.spec.port.port
        device = self.builder.require_ref(Device, end.device_spec, self.connection.namespace, name)
        ports = self.ports.get(device.key)
        ref = switch_port_ref(device, ports.netbox_name(port)) if ports else port_ref(device, port)
        if ref not in self.builder.objects:
            raise self.builder.missing_error(device.key, f"the port {end.spec.port}")
        return ref

    def _add_lags(self, members: Iterable[Ref]) -> Iterator[Ref]:
        """Add one LAG for each device of these ports."""
        ports = sorted(map(self._get_interface, members), key=lambda port: (port.device, port.name))
        for device, group in groupby(ports, key=lambda port: port.device):
            with self.builder.skip_unmappable(f"{self.connection.key}#{device.key}"):
                yield self._add_lag(device, list(group))

    def _add_lag(self, device: Ref, members: list[Interface]) -> Ref:
        """Add a LAG, whose key survives renaming and whose name survives rewiring."""
        kind = type(members[0])
        lag = self.builder.add(
            kind(
                key=port_ref(device, f"lag:{members[0].key.partition('#')[2]}").key,
                device=device,
                name=shorten(self.connection.name, MAX_DEVICE_NAME_CHARS),
                type=INTERFACE_TYPE_LAG,
            )
        )
        for member in members:
            self.builder.update(replace(member, lag=lag))
        return lag

    def _set_mtu(self, ref: Ref, default: int) -> None:
        """Set the MTU of a switch's connection, or of a gateway's own interface."""
        port = self._get_interface(ref)
        stated = self.connection.spec.body.mtu if self._is_on_switch(ref) else port.mtu
        if mtu := stated or default:
            self.builder.update(replace(port, mtu=mtu))

    def _is_on_switch(self, ref: Ref) -> bool:
        return self._get_interface(ref).device.key in self.ports

    def _get_interface(self, ref: Ref) -> Interface:
        return self.builder.get(Interface, ref)
