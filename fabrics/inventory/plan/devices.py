"""Switches, servers and gateways: devices, their interfaces and the addresses that these have."""

from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Final

from fabrics.inventory.model.dcim import (
    INTERFACE_TYPE_VIRTUAL,
    Device,
    Interface,
    MACAddress,
    UnswitchedInterface,
)
from fabrics.inventory.model.ipam import ANYCAST_ROLE
from fabrics.inventory.model.planned import Details, Model, Ref, omit_empty
from fabrics.inventory.plan import catalogue
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.plan.ports import MANAGEMENT_PORT, Port, SwitchPorts, strip_first_lane
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.wiring import ServerSpec, SwitchProfileSpec, SwitchSpec
from fabrics.resources.json_types import Json

LOOPBACK_ROLE: Final = "loopback"
PROTOCOL_LOOPBACK, VTEP_LOOPBACK = "Loopback1", "Loopback2"
"""The loopbacks of a switch, as SONiC names them."""


def port_ref(device: Ref, port: str) -> Ref:
    """The interface of a device by its name."""
    return Ref(Model.INTERFACE, f"{device.key}#{port}")


def switch_port_ref(device: Ref, port: str) -> Ref:
    """The interface of a switch by its name; it stays the same when the port is divided."""
    return port_ref(device, strip_first_lane(port))


def add_switch(
    builder: PlanBuilder, switch: LiveObject[SwitchSpec], used_ports: frozenset[str]
) -> SwitchPorts:
    """The switch with all its ports; `used` are those that connections name."""
    spec, profile = switch.spec, _find_profile(builder, switch)
    ports = SwitchPorts(spec, profile, used_ports)
    device = builder.add(_build_switch(builder, switch, profile))
    for port in ports.list_ports():
        with builder.skip_unmappable(f"{switch.key}#{port.name}"):
            kind = UnswitchedInterface if port.management else Interface
            _add_port(builder, switch_port_ref(device, port.name), device, port, kind)
    _add_management_addresses(builder, device, spec)
    role = (
        ANYCAST_ROLE if spec.redundancy.type == "mclag" else LOOPBACK_ROLE
    )  # its pairs share one VTEP
    _add_loopback(builder, device, PROTOCOL_LOOPBACK, spec.protocol_ip, LOOPBACK_ROLE)
    _add_loopback(builder, device, VTEP_LOOPBACK, spec.vtep_ip, role)
    return ports


def add_server(
    builder: PlanBuilder, server: LiveObject[ServerSpec], used_ports: frozenset[str]
) -> None:
    """The server with the ports that connections name: more of them is not known."""
    device = builder.add(
        Device(
            key=server.key,
            name=builder.fabric.device_name(server.name),
            site=builder.fabric.site_ref,
            role=catalogue.add_role(builder, "server"),
            device_type=catalogue.add_server_type(builder),
            description=server.spec.description,
        )
    )
    for name in sorted(used_ports):
        with builder.skip_unmappable(f"{server.key}#{name}"):
            _add_port(builder, port_ref(device, name), device, Port(name))


def add_gateway(
    builder: PlanBuilder, gateway: LiveObject[GatewaySpec], used_ports: frozenset[str]
) -> None:
    """The gateway with the interfaces that it states and those that connections name."""
    spec, device = gateway.spec, builder.add(_build_gateway(builder, gateway))
    for name in sorted({*spec.interfaces, *used_ports}):
        with builder.skip_unmappable(f"{gateway.key}#{name}"):
            _add_gateway_interface(builder, device, name, spec)
    _add_loopback(builder, device, "lo", spec.protocol_ip, LOOPBACK_ROLE)
    _add_loopback(builder, device, "vtep", spec.vtep_ip, LOOPBACK_ROLE)
    with builder.skip_unmappable(f"{gateway.key}#vtep"):
        _configure_vtep(builder, device, spec)


def _build_switch(
    builder: PlanBuilder, switch: LiveObject[SwitchSpec], profile: SwitchProfileSpec
) -> Device:
    spec = switch.spec
    return Device(
        key=switch.key,
        name=builder.fabric.device_name(switch.name),
        site=builder.fabric.site_ref,
        role=catalogue.add_role(builder, spec.role),
        device_type=catalogue.add_switch_type(builder, spec.profile, profile),
        platform=catalogue.add_platform(builder, profile),
        serial=spec.boot.serial,
        description=spec.description,
        details=_switch_details(spec),
    )


def _build_gateway(builder: PlanBuilder, gateway: LiveObject[GatewaySpec]) -> Device:
    return Device(
        key=gateway.key,
        name=builder.fabric.device_name(gateway.name),
        site=builder.fabric.site_ref,
        role=catalogue.add_role(builder, "gateway"),
        device_type=catalogue.add_gateway_type(builder),
        details=_gateway_details(gateway.spec),
    )


def _add_port(
    builder: PlanBuilder,
    ref: Ref,
    device: Ref,
    port: Port,
    kind: type[Interface] = UnswitchedInterface,
) -> None:
    builder.add(
        kind(
            key=ref.key,
            device=device,
            name=port.name,
            type=port.type,
            speed=port.speed,
            mgmt_only=port.management,
        )
    )


def _find_profile(builder: PlanBuilder, switch: LiveObject[SwitchSpec]) -> SwitchProfileSpec:
    """The switch's profile, or an empty one: not every fabric lets them be read."""
    found = builder.live.find(SwitchProfileSpec, switch.namespace, switch.spec.profile)
    return found.spec if found else SwitchProfileSpec()


def _add_management_addresses(builder: PlanBuilder, device: Ref, spec: SwitchSpec) -> None:
    """The address and the MAC address of the management port."""
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
    loopback = port_ref(device, name)
    with builder.skip_unmappable(loopback.key):
        builder.add(
            UnswitchedInterface(
                key=loopback.key, device=device, name=name, type=INTERFACE_TYPE_VIRTUAL
            )
        )
        add_address(builder, loopback, ip, builder.fabric.underlay_ref, role=role)


def _add_gateway_interface(builder: PlanBuilder, device: Ref, name: str, spec: GatewaySpec) -> None:
    port = port_ref(device, name)
    _add_port(builder, port, device, Port(name))
    interface = spec.interfaces.get(name)
    if interface is None:
        return
    details = omit_empty(pci=interface.pci, kernel=interface.kernel)
    builder.update(
        replace(builder.get(Interface, port), mtu=interface.mtu or None, details=details)
    )
    for ip in interface.ips:
        with builder.skip_unmappable(f"{port.key}/{ip}"):
            add_address(builder, port, ip, builder.fabric.underlay_ref)


def _configure_vtep(builder: PlanBuilder, device: Ref, spec: GatewaySpec) -> None:
    port = port_ref(device, "vtep")
    if port in builder.objects and spec.vtep_ip:
        builder.update(replace(builder.get(Interface, port), mtu=spec.vtep_mtu or None))
        _add_mac(builder, port, spec.vtep_mac)


def _switch_details(spec: SwitchSpec) -> Details:
    redundancy = omit_empty(type=spec.redundancy.type, group=spec.redundancy.group)
    return omit_empty(asn=spec.asn, groups=list[Json](sorted(spec.groups)), redundancy=redundancy)


def _gateway_details(spec: GatewaySpec) -> Details:
    groups = sorted((each.name, each.priority) for each in spec.groups)
    neighbors = [
        omit_empty(source=each.source, ip=str(each.ip or ""), asn=each.asn)
        for each in spec.neighbors
    ]
    return omit_empty(
        asn=spec.asn,
        groups=[{"name": name, "priority": priority} for name, priority in groups],
        neighbors=list[Json](neighbors),
    )
