"""Addresses of interfaces, and prefixes, as far as NetBox accepts them."""

from ipaddress import IPv4Interface

from fabrics.inventory.model.ipam import IPAddress, Prefix
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.builder import MappingError, PlanBuilder


def add_address(
    builder: PlanBuilder, port: Ref, ip: IPv4Interface, vrf: Ref, role: str | None = None
) -> Ref:
    """Add the address of an interface, unless the plan has it, and return it.

    Two live objects may state the same one. The first has its interface's key, to stay the same object.
    Raises `MappingError`, also for an address that no host can have: NetBox refuses it.
    """
    _check_host(ip)
    for key in (port.key, f"{port.key}/{ip}"):
        existing = builder.objects.get(Ref(Model.IP_ADDRESS, key))
        if existing is None:
            address = IPAddress(key=key, vrf=vrf, address=ip, role=role, assigned_object=port)
            return builder.add(address)
        if isinstance(existing, IPAddress) and existing.address == ip:
            return existing.ref
    raise MappingError(f"has the address {ip}, whose key another address already has")


def _check_host(ip: IPv4Interface) -> None:
    network = ip.network
    if network.prefixlen == 0:
        raise MappingError(f"has the address {ip}, whose prefix length is 0")
    ends = (network.network_address, network.broadcast_address)
    if network.prefixlen < 31 and ip.ip in ends:
        raise MappingError(f"has the address {ip}, which is a network or broadcast address")


def add_prefix(builder: PlanBuilder, prefix: Prefix) -> Ref:
    """Add a prefix, or raise `MappingError`; NetBox refuses the default route."""
    if prefix.prefix.prefixlen == 0:
        raise MappingError(f"is the default route {prefix.prefix}, which NetBox does not accept")
    return builder.add(prefix)
