"""What connections join, whatever their type: links between two ports, and ports that lead outwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from fabrics.inventory.plan.builder import MappingError
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.wiring import ConnectionSpec, EndSpec, Link, ServerSpec, SwitchSpec


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """The names of a link's ends, whether the links of one device are a LAG, and the MTU of both ends
    where nothing states another, in bytes; 0 stands for none."""

    end_names: tuple[str, ...]
    is_lag: bool = False
    accepts_vpcs: bool = False
    default_mtu: int = 0


FABRIC_MTU: Final = 9100
"""What Hedgehog sets between its own devices (`pkg/fab/defaults.go` of fabricator 26.03). An installation may
have another in its `fabricMTU`, which no object says that the inventory is made from."""

_SERVER_ENDS = ("server", "switch")

CONNECTION_TYPES: Final = {
    "unbundled": ConnectionType(_SERVER_ENDS, accepts_vpcs=True),
    "bundled": ConnectionType(_SERVER_ENDS, is_lag=True, accepts_vpcs=True),
    "mclag": ConnectionType(_SERVER_ENDS, is_lag=True, accepts_vpcs=True),
    "eslag": ConnectionType(_SERVER_ENDS, is_lag=True, accepts_vpcs=True),
    "mclagDomain": ConnectionType(("switch1", "switch2")),
    "fabric": ConnectionType(("spine", "leaf"), default_mtu=FABRIC_MTU),
    "mesh": ConnectionType(("leaf1", "leaf2"), default_mtu=FABRIC_MTU),
    "gateway": ConnectionType(("switch", "gateway"), default_mtu=FABRIC_MTU),
    "vpcLoopback": ConnectionType(("switch1", "switch2")),
    "external": ConnectionType(("switch",)),
    "staticExternal": ConnectionType(("switch",)),
}
"""The types of Hedgehog v0.129. Those with one end lead to what is not part of the fabric."""

_DEVICE_SPECS: Final[dict[str, type[LiveSpec]]] = {"server": ServerSpec, "gateway": GatewaySpec}


class LinkEnd(NamedTuple):
    """One end of a link: the kind of device that its name stands for, and the port."""

    device_spec: type[LiveSpec]
    spec: EndSpec


class ConnectionLink(NamedTuple):
    """One link. `part` tells it from others of its connection, `purpose` what it is for, if special."""

    key_suffix: str
    purpose: str
    ends: tuple[LinkEnd, ...]


def get_connection_type(connection: LiveObject[ConnectionSpec]) -> ConnectionType:
    """Raises `MappingError` for types of other releases."""
    found = CONNECTION_TYPES.get(connection.spec.type)
    if found is None:
        raise MappingError(f"is of the type {connection.spec.type}, which is not known")
    return found


def list_links(connection: LiveObject[ConnectionSpec]) -> Iterator[ConnectionLink]:
    """The links of a connection, in an order that does not depend on how they are written.

    Raises `MappingError` where a link does not have the ends that its type asks for.
    """
    body, ends = connection.spec.body, get_connection_type(connection).end_names
    if body.link is not None:
        yield ConnectionLink("", "", _parse_ends(body.link, ends))
    listed = {"": body.links, "peer link": body.peer_links, "session link": body.session_links}
    for purpose, links in listed.items():
        joined = [_parse_ends(link, ends) for link in links]
        for pair in sorted(joined, key=lambda each: [str(end.spec.port) for end in each]):
            yield ConnectionLink(f"#{pair[0].spec.port}", purpose, pair)


def list_used_ports(
    connection: LiveObject[ConnectionSpec],
) -> Iterator[tuple[type[LiveSpec], str, str]]:
    """Kind, device and port of every end that can be made out."""
    try:
        for link in list_links(connection):
            for kind, end in link.ends:
                yield kind, end.port.device, end.port.port
    except MappingError:
        return  # said when the connection itself is mapped


def _parse_ends(link: Link, names: tuple[str, ...]) -> tuple[LinkEnd, ...]:
    if link.keys() != set(names):
        raise MappingError(f"has a link of {' and '.join(sorted(link)) or 'nothing'}")
    return tuple(LinkEnd(_DEVICE_SPECS.get(name, SwitchSpec), link[name]) for name in names)
