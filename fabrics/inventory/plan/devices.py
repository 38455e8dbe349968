"""Switches, servers and gateways: devices, their interfaces and the addresses that these have."""

from dataclasses import replace
from ipaddress import IPv4Interface
from typing import Final

from fabrics.inventory.model.dcim import VIRTUAL, Device, Interface, MACAddress, UnswitchedInterface
from fabrics.inventory.model.ipam import ANYCAST
from fabrics.inventory.model.planned import Details, Model, Ref, stated
from fabrics.inventory.plan import catalogue
from fabrics.inventory.plan.addresses import add_address
from fabrics.inventory.plan.builder import Draft
from fabrics.inventory.plan.ports import MANAGEMENT, Port, SwitchPorts, lasting
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.wiring import ServerSpec, SwitchProfileSpec, SwitchSpec
from fabrics.resources.json_types import Json

LOOPBACK: Final = "loopback"
PROTOCOL, VTEP = "Loopback1", "Loopback2"
"""The loopbacks of a switch, as SONiC names them."""


def port_ref(device: Ref, port: str) -> Ref:
    """The interface of a device by its name."""
    return Ref(Model.INTERFACE, f"{device.key}#{port}")


def switch_port_ref(device: Ref, port: str) -> Ref:
    """The interface of a switch by its name; it stays the same when the port is divided."""
    return port_ref(device, lasting(port))


def add_switch(draft: Draft, switch: Object[SwitchSpec], used: frozenset[str]) -> SwitchPorts:
    """The switch with all its ports; `used` are those that connections name."""
    spec, profile = switch.spec, _profile(draft, switch)
    ports = SwitchPorts(spec, profile, used)
    device = draft.add(_switch(draft, switch, profile))
    for port in ports.all():
        with draft.part(f"{switch.key}#{port.name}"):
            kind = UnswitchedInterface if port.management else Interface
            _port(draft, switch_port_ref(device, port.name), device, port, kind)
    _manage(draft, device, spec)
    role = ANYCAST if spec.redundancy.type == "mclag" else LOOPBACK  # its pairs share one VTEP
    _loopback(draft, device, PROTOCOL, spec.protocol_ip, LOOPBACK)
    _loopback(draft, device, VTEP, spec.vtep_ip, role)
    return ports


def add_server(draft: Draft, server: Object[ServerSpec], used: frozenset[str]) -> None:
    """The server with the ports that connections name: more of them is not known."""
    device = draft.add(
        Device(
            key=server.key,
            name=draft.fabric.device(server.name),
            site=draft.fabric.site_ref,
            role=catalogue.role(draft, "server"),
            device_type=catalogue.server_type(draft),
            description=server.spec.description,
        )
    )
    for name in sorted(used):
        with draft.part(f"{server.key}#{name}"):
            _port(draft, port_ref(device, name), device, Port(name))


def add_gateway(draft: Draft, gateway: Object[GatewaySpec], used: frozenset[str]) -> None:
    """The gateway with the interfaces that it states and those that connections name."""
    spec, device = gateway.spec, draft.add(_gateway(draft, gateway))
    for name in sorted({*spec.interfaces, *used}):
        with draft.part(f"{gateway.key}#{name}"):
            _gateway_interface(draft, device, name, spec)
    _loopback(draft, device, "lo", spec.protocol_ip, LOOPBACK)
    _loopback(draft, device, "vtep", spec.vtep_ip, LOOPBACK)
    with draft.part(f"{gateway.key}#vtep"):
        _vtep(draft, device, spec)


def _switch(draft: Draft, switch: Object[SwitchSpec], profile: SwitchProfileSpec) -> Device:
    spec = switch.spec
    return Device(
        key=switch.key,
        name=draft.fabric.device(switch.name),
        site=draft.fabric.site_ref,
        role=catalogue.role(draft, spec.role),
        device_type=catalogue.switch_type(draft, spec.profile, profile),
        platform=catalogue.platform(draft, profile),
        serial=spec.boot.serial,
        description=spec.description,
        details=_switch_details(spec),
    )


def _gateway(draft: Draft, gateway: Object[GatewaySpec]) -> Device:
    return Device(
        key=gateway.key,
        name=draft.fabric.device(gateway.name),
        site=draft.fabric.site_ref,
        role=catalogue.role(draft, "gateway"),
        device_type=catalogue.gateway_type(draft),
        details=_gateway_details(gateway.spec),
    )


def _port(
    draft: Draft,
    ref: Ref,
    device: Ref,
    port: Port,
    kind: type[Interface] = UnswitchedInterface,
) -> None:
    draft.add(
        kind(
            key=ref.key,
            device=device,
            name=port.name,
            type=port.type,
            speed=port.speed,
            mgmt_only=port.management,
        )
    )


def _profile(draft: Draft, switch: Object[SwitchSpec]) -> SwitchProfileSpec:
    """The switch's profile, or an empty one: not every fabric lets them be read."""
    found = draft.live.find(SwitchProfileSpec, switch.namespace, switch.spec.profile)
    return found.spec if found else SwitchProfileSpec()


def _manage(draft: Draft, device: Ref, spec: SwitchSpec) -> None:
    """The address and the MAC address of the management port."""
    port = port_ref(device, MANAGEMENT)
    with draft.part(port.key):
        _mac(draft, port, spec.boot.mac)
        if spec.ip:
            address = add_address(draft, port, spec.ip, draft.fabric.underlay)
            draft.amend(replace(draft.get(Device, device), primary_ip4=address))


def _mac(draft: Draft, port: Ref, mac: str | None) -> None:
    if mac:
        address = draft.add(MACAddress(key=port.key, mac_address=mac, assigned_object=port))
        draft.amend(replace(draft.get(Interface, port), primary_mac_address=address))


def _loopback(draft: Draft, device: Ref, name: str, ip: IPv4Interface | None, role: str) -> None:
    if ip is None:
        return
    loopback = port_ref(device, name)
    with draft.part(loopback.key):
        draft.add(UnswitchedInterface(key=loopback.key, device=device, name=name, type=VIRTUAL))
        add_address(draft, loopback, ip, draft.fabric.underlay, role=role)


def _gateway_interface(draft: Draft, device: Ref, name: str, spec: GatewaySpec) -> None:
    port = port_ref(device, name)
    _port(draft, port, device, Port(name))
    interface = spec.interfaces.get(name)
    if interface is None:
        return
    details = stated(pci=interface.pci, kernel=interface.kernel)
    draft.amend(replace(draft.get(Interface, port), mtu=interface.mtu or None, details=details))
    for ip in interface.ips:
        with draft.part(f"{port.key}/{ip}"):
            add_address(draft, port, ip, draft.fabric.underlay)


def _vtep(draft: Draft, device: Ref, spec: GatewaySpec) -> None:
    port = port_ref(device, "vtep")
    if port in draft.wanted and spec.vtep_ip:
        draft.amend(replace(draft.get(Interface, port), mtu=spec.vtep_mtu or None))
        _mac(draft, port, spec.vtep_mac)


def _switch_details(spec: SwitchSpec) -> Details:
    redundancy = stated(type=spec.redundancy.type, group=spec.redundancy.group)
    return stated(asn=spec.asn, groups=list[Json](sorted(spec.groups)), redundancy=redundancy)


def _gateway_details(spec: GatewaySpec) -> Details:
    groups = sorted((each.name, each.priority) for each in spec.groups)
    neighbors = [
        stated(source=each.source, ip=str(each.ip or ""), asn=each.asn) for each in spec.neighbors
    ]
    return stated(
        asn=spec.asn,
        groups=[{"name": name, "priority": priority} for name, priority in groups],
        neighbors=list[Json](neighbors),
    )
