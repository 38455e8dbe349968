"""What connections join, whatever their type: links between two ports, and ports that lead outwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from fabrics.inventory.plan.builder import Unmapped
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.wiring import ConnectionSpec, EndSpec, Link, ServerSpec, SwitchSpec


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """The names of a link's ends, whether the links of one device are a LAG, and the MTU of both ends
    where nothing states another, in bytes; 0 stands for none."""

    ends: tuple[str, ...]
    lag: bool = False
    takes_vpcs: bool = False
    mtu: int = 0


FABRIC_MTU: Final = 9100
"""What Hedgehog sets between its own devices (`pkg/fab/defaults.go` of fabricator 26.03). An installation may
have another in its `fabricMTU`, which no object says that the inventory is made from."""

_SERVER = ("server", "switch")

TYPES: Final = {
    "unbundled": ConnectionType(_SERVER, takes_vpcs=True),
    "bundled": ConnectionType(_SERVER, lag=True, takes_vpcs=True),
    "mclag": ConnectionType(_SERVER, lag=True, takes_vpcs=True),
    "eslag": ConnectionType(_SERVER, lag=True, takes_vpcs=True),
    "mclagDomain": ConnectionType(("switch1", "switch2")),
    "fabric": ConnectionType(("spine", "leaf"), mtu=FABRIC_MTU),
    "mesh": ConnectionType(("leaf1", "leaf2"), mtu=FABRIC_MTU),
    "gateway": ConnectionType(("switch", "gateway"), mtu=FABRIC_MTU),
    "vpcLoopback": ConnectionType(("switch1", "switch2")),
    "external": ConnectionType(("switch",)),
    "staticExternal": ConnectionType(("switch",)),
}
"""The types of Hedgehog v0.129. Those with one end lead to what is not part of the fabric."""

_DEVICES: Final[dict[str, type[LiveSpec]]] = {"server": ServerSpec, "gateway": GatewaySpec}


class End(NamedTuple):
    """One end of a link: the kind of device that its name stands for, and the port."""

    device: type[LiveSpec]
    spec: EndSpec


class JoinedEnds(NamedTuple):
    """One link. `part` tells it from others of its connection, `purpose` what it is for, if special."""

    part: str
    purpose: str
    ends: tuple[End, ...]


def type_of(connection: Object[ConnectionSpec]) -> ConnectionType:
    """Raises `Unmapped` for types of other releases."""
    found = TYPES.get(connection.spec.type)
    if found is None:
        raise Unmapped(f"is of the type {connection.spec.type}, which is not known")
    return found


def links_of(connection: Object[ConnectionSpec]) -> Iterator[JoinedEnds]:
    """The links of a connection, in an order that does not depend on how they are written.

    Raises `Unmapped` where a link does not have the ends that its type asks for.
    """
    body, ends = connection.spec.body, type_of(connection).ends
    if body.link is not None:
        yield JoinedEnds("", "", _ends(body.link, ends))
    listed = {"": body.links, "peer link": body.peer_links, "session link": body.session_links}
    for purpose, links in listed.items():
        joined = [_ends(link, ends) for link in links]
        for pair in sorted(joined, key=lambda each: [str(end.spec.port) for end in each]):
            yield JoinedEnds(f"#{pair[0].spec.port}", purpose, pair)


def ports_named(connection: Object[ConnectionSpec]) -> Iterator[tuple[type[LiveSpec], str, str]]:
    """Kind, device and port of every end that can be made out."""
    try:
        for link in links_of(connection):
            for kind, end in link.ends:
                yield kind, end.port.device, end.port.port
    except Unmapped:
        return  # said when the connection itself is mapped


def _ends(link: Link, names: tuple[str, ...]) -> tuple[End, ...]:
    if link.keys() != set(names):
        raise Unmapped(f"has a link of {' and '.join(sorted(link)) or 'nothing'}")
    return tuple(End(_DEVICES.get(name, SwitchSpec), link[name]) for name in names)
