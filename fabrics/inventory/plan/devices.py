"""Devices: switches, servers and gateways, with their interfaces and addresses."""

from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Final

from fabrics.agents.facts import AgentFacts
from fabrics.inventory.model.dcim import (
    INTERFACE_TYPE_VIRTUAL,
    Device,
    Interface,
    MACAddress,
    UnswitchedInterface,
)
from fabrics.inventory.model.ipam import ANYCAST_ROLE
from fabrics.inventory.model.planned import Model, Ref, omit_empty
from fabrics.inventory.plan import catalogue
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.plan.connection_types import UsedPorts
from fabrics.inventory.plan.observed import get_serial_number, get_software_version
from fabrics.inventory.plan.ports import MANAGEMENT_PORT, SwitchPorts, strip_first_lane
from fabrics.inventory.specs.gateway import GatewayInterface, GatewaySpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.wiring import ServerSpec, SwitchProfileSpec, SwitchSpec
from fabrics.resources.json_types import Json

LOOPBACK_ROLE: Final = "loopback"
PROTOCOL_LOOPBACK, VTEP_LOOPBACK = "Loopback1", "Loopback2"
"""The loopbacks of a switch, as SONiC names them."""


def port_ref(device: Ref, port: str) -> Ref:
    """Return the interface of a device with this name."""
    return Ref(Model.INTERFACE, f"{device.key}#{port}")


def switch_port_ref(device: Ref, port: str) -> Ref:
    """Return the interface of a switch port, which its first lane shares."""
    return port_ref(device, strip_first_lane(port))


def add_switch(
    builder: PlanBuilder,
    switch: LiveObject[SwitchSpec],
    used_ports: UsedPorts,
    facts: AgentFacts,
) -> SwitchPorts:
    """Add a switch with all its ports, loopbacks and addresses; return its ports."""
    spec, profile = switch.spec, _find_profile(builder, switch)
    # Without its breakouts a profile tells what ports there are no better than no profile does.
    port_profile = profile if switch.is_known("portBreakouts") else SwitchProfileSpec()
    ports = SwitchPorts(spec, port_profile, used_ports.get(switch.key, frozenset()))
    device = builder.add(_build_switch(builder, switch, profile, facts))
    _add_switch_ports(builder, device, ports)
    _add_management_addresses(builder, device, spec)
    _add_loopback(builder, device, PROTOCOL_LOOPBACK, spec.protocol_ip, LOOPBACK_ROLE)
    if switch.is_known("redundancy"):
        _add_loopback(builder, device, VTEP_LOOPBACK, spec.vtep_ip, _get_vtep_role(spec))
    return ports


def _get_vtep_role(spec: SwitchSpec) -> str:
    """Return the role of a VTEP's address, which both switches of an MCLAG pair have."""
    return ANYCAST_ROLE if spec.redundancy.type == "mclag" else LOOPBACK_ROLE


def add_server(builder: PlanBuilder, server: LiveObject[ServerSpec], used_ports: UsedPorts) -> None:
    """Add a server with the ports that connections name: no other ports are known."""
    device_type = catalogue.add_server_type(builder)
    base = _build_device(builder, server, "server", device_type)
    device = builder.add(replace(base, description=server.spec.description))
    for name in sorted(used_ports.get(server.key, ())):
        with builder.skip_unmappable(f"{server.key}#{name}"):
            key = port_ref(device, name).key
            builder.add(UnswitchedInterface(key=key, device=device, name=name))


def add_gateway(
    builder: PlanBuilder, gateway: LiveObject[GatewaySpec], used_ports: UsedPorts
) -> None:
    """Add a gateway, its own interfaces, and those that connections name."""
    spec, device = gateway.spec, builder.add(_build_gateway(builder, gateway))
    for name in sorted({*spec.interfaces, *used_ports.get(gateway.key, ())}):
        with builder.skip_unmappable(f"{gateway.key}#{name}"):
            interface = spec.interfaces.get(name, GatewayInterface())
            _add_gateway_interface(builder, device, name, interface)
    _add_loopback(builder, device, "lo", spec.protocol_ip, LOOPBACK_ROLE)
    _add_loopback(builder, device, "vtep", spec.vtep_ip, LOOPBACK_ROLE)
    with builder.skip_unmappable(f"{gateway.key}#vtep"):
        _configure_vtep(builder, device, spec)


def _build_device[S: LiveSpec](
    builder: PlanBuilder, live_object: LiveObject[S], role: str, device_type: Ref
) -> Device:
    return Device(
        key=live_object.key,
        name=builder.fabric.device_name(live_object.name),
        site=builder.fabric.site_ref,
        role=catalogue.add_role(builder, role),
        device_type=device_type,
    )


def _build_switch(
    builder: PlanBuilder,
    switch: LiveObject[SwitchSpec],
    profile: SwitchProfileSpec,
    facts: AgentFacts,
) -> Device:
    spec = switch.spec
    device_type = catalogue.add_switch_type(builder, spec.profile, profile)
    redundancy = omit_empty(type=spec.redundancy.type, group=spec.redundancy.group)
    groups = list[Json](sorted(spec.groups))
    return replace(
        _build_device(builder, switch, spec.role, device_type),
        platform=catalogue.add_platform(builder, profile),
        serial=spec.boot.serial or get_serial_number(facts),
        nos_version=get_software_version(facts),
        description=spec.description,
        details=omit_empty(asn=spec.asn, groups=groups, redundancy=redundancy),
    )


def _build_gateway(builder: PlanBuilder, gateway: LiveObject[GatewaySpec]) -> Device:
    spec, device_type = gateway.spec, catalogue.add_gateway_type(builder)
    memberships = sorted((group.name, group.priority) for group in spec.groups)
    groups: list[Json] = [{"name": name, "priority": priority} for name, priority in memberships]
    neighbors: list[Json] = [
        omit_empty(source=neighbor.source, ip=str(neighbor.ip or ""), asn=neighbor.asn)
        for neighbor in spec.neighbors
    ]
    return replace(
        _build_device(builder, gateway, "gateway", device_type),
        details=omit_empty(asn=spec.asn, groups=groups, neighbors=neighbors),
    )


def _find_profile(builder: PlanBuilder, switch: LiveObject[SwitchSpec]) -> SwitchProfileSpec:
    """Return the switch's profile; empty if the fabric does not let it be read."""
    profile = builder.live.find(SwitchProfileSpec, switch.namespace, switch.spec.profile)
    return profile.spec if profile else SwitchProfileSpec()


def _add_switch_ports(builder: PlanBuilder, device: Ref, ports: SwitchPorts) -> None:
    for port in ports.list_ports():
        kind = UnswitchedInterface if port.management else Interface
        with builder.skip_unmappable(f"{device.key}#{port.name}"):
            builder.add(
                kind(
                    key=switch_port_ref(device, port.name).key,
                    device=device,
                    name=port.name,
                    type=port.type,
                    speed=port.speed,
                    mgmt_only=port.management,
                )
            )


def _add_management_addresses(builder: PlanBuilder, device: Ref, spec: SwitchSpec) -> None:
    """Add the address and the MAC address of the management port."""
    port = port_ref(device, MANAGEMENT_PORT)
    with builder.skip_unmappable(port.key):
        _add_mac(builder, port, spec.boot.mac)
        if spec.ip:
            address = add_address(builder, port, spec.ip, builder.fabric.underlay_ref)
            builder.update(replace(builder.get(Device, device), primary_ip4=address))


def _add_mac(builder: PlanBuilder, port: Ref, mac: str | None) -> None:
    if mac:
        address = builder.add(MACAddress(key=port.key, mac_address=mac, assigned_object=port))
        builder.update(replace(builder.get(Interface, port), primary_mac_address=address))


def _add_loopback(
    builder: PlanBuilder, device: Ref, name: str, ip: IPv4Interface | None, role: str
) -> None:
    if ip is None:
        return
    key = port_ref(device, name).key
    loopback = UnswitchedInterface(key=key, device=device, name=name, type=INTERFACE_TYPE_VIRTUAL)
    with builder.skip_unmappable(key):
        add_address(builder, builder.add(loopback), ip, builder.fabric.underlay_ref, role=role)


def _add_gateway_interface(
    builder: PlanBuilder, device: Ref, name: str, interface: GatewayInterface
) -> None:
    port = builder.add(
        UnswitchedInterface(
            key=port_ref(device, name).key,
            device=device,
            name=name,
            mtu=interface.mtu or None,
            details=omit_empty(pci=interface.pci, kernel=interface.kernel),
        )
    )
    for ip in interface.ips:
        with builder.skip_unmappable(f"{port.key}/{ip}"):
            add_address(builder, port, ip, builder.fabric.underlay_ref)


def _configure_vtep(builder: PlanBuilder, device: Ref, spec: GatewaySpec) -> None:
    port = port_ref(device, "vtep")
    if port in builder.objects and spec.vtep_ip:
        builder.update(replace(builder.get(Interface, port), mtu=spec.vtep_mtu or None))
        _add_mac(builder, port, spec.vtep_mac)
