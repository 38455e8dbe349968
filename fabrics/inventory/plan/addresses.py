"""Addresses of interfaces: each once, and only such as NetBox takes."""

from ipaddress import IPv4Interface

from fabrics.inventory.model.ipam import IPAddress, Prefix
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.builder import MappingError, PlanBuilder


def add_address(
    builder: PlanBuilder, port: Ref, ip: IPv4Interface, vrf: Ref, role: str | None = None
) -> Ref:
    """An address of an interface; two live objects may state the same. Raises `MappingError`.

    The first has the key of its interface, so that it stays the same object when it changes.
    """
    check_host(ip)
    for key in (port.key, f"{port.key}/{ip}"):
        held = builder.objects.get(Ref(Model.IP_ADDRESS, key))
        if held is None:
            return builder.add(
                IPAddress(key=key, vrf=vrf, address=ip, role=role, assigned_object=port)
            )
        if isinstance(held, IPAddress) and held.address == ip:
            return held.ref
    raise MappingError(f"has no room for the address {ip}")


def check_host(ip: IPv4Interface) -> None:
    """Raise `MappingError` for an address that no host can have; NetBox refuses it."""
    network = ip.network
    if network.prefixlen == 0:
        raise MappingError(f"has the address {ip}, of a network of everything")
    ends = (network.network_address, network.broadcast_address)
    if network.prefixlen < 31 and ip.ip in ends:
        raise MappingError(f"has the address {ip}, which is that of a whole network")


def add_prefix(builder: PlanBuilder, prefix: Prefix) -> Ref:
    """Raises `MappingError`, also for the network of everything: NetBox refuses it."""
    if prefix.prefix.prefixlen == 0:
        raise MappingError(
            f"is the default route {prefix.prefix}, which NetBox takes for no prefix"
        )
    return builder.add(prefix)
