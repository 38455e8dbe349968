"""Connection types: links between two ports, or from one port out of the fabric."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from fabrics.inventory.plan.builder import PlanBuilder, UnreadableError
from fabrics.inventory.specs.connections import ConnectionSpec, EndSpec, Link
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import LiveObject, make_key
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.wiring import ServerSpec, SwitchSpec


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """The properties that all connections of a type share.

    `is_lag`: the links of one device form a LAG. `accepts_vpcs`: VPCs can be attached. `default_mtu` is in
    bytes, for both ends where nothing states another MTU; 0 means none.
    """

    is_lag: bool = False
    accepts_vpcs: bool = False
    default_mtu: int = 0


FABRIC_MTU: Final = 9100
"""What Hedgehog sets between its own devices (`pkg/fab/defaults.go` of fabricator 26.03), in bytes. The
`fabricMTU` of an installation may differ, but no object that the inventory reads states it."""

CONNECTION_TYPES: Final = {
    "unbundled": ConnectionType(accepts_vpcs=True),
    "bundled": ConnectionType(is_lag=True, accepts_vpcs=True),
    "mclag": ConnectionType(is_lag=True, accepts_vpcs=True),
    "eslag": ConnectionType(is_lag=True, accepts_vpcs=True),
    "mclagDomain": ConnectionType(),
    "fabric": ConnectionType(default_mtu=FABRIC_MTU),
    "mesh": ConnectionType(default_mtu=FABRIC_MTU),
    "gateway": ConnectionType(default_mtu=FABRIC_MTU),
    "vpcLoopback": ConnectionType(),
    "external": ConnectionType(),
    "staticExternal": ConnectionType(),
}
"""The types of Hedgehog v0.129."""

_DEVICE_SPECS: Final[dict[str, type[LiveSpec]]] = {"server": ServerSpec, "gateway": GatewaySpec}

type UsedPorts = Mapping[str, frozenset[str]]
"""The ports that connections name, by the `hh_key` of the device."""


class LinkEnd(NamedTuple):
    """One end of a link, with the kind of its device."""

    device_spec: type[LiveSpec]
    spec: EndSpec


class ConnectionLink(NamedTuple):
    """One link. `key_suffix` sets it apart from the other links of its connection."""

    key_suffix: str
    purpose: str
    ends: tuple[LinkEnd, ...]


def get_connection_type(connection: LiveObject[ConnectionSpec]) -> ConnectionType:
    """Return the type of a connection, or raise `UnreadableError` if it is unknown."""
    if connection.spec.unknown_type:
        raise UnreadableError(f"has the unknown type {connection.spec.unknown_type}")
    return CONNECTION_TYPES[connection.spec.type]


def require_connection(
    builder: PlanBuilder, namespace: str, name: str
) -> LiveObject[ConnectionSpec]:
    """Return a connection of a known type by name, or raise `MappingError`."""
    connection = builder.require_live(ConnectionSpec, namespace, name)
    if connection.spec.unknown_type:
        raise UnreadableError(f"refers to the Connection {name}, whose type is unknown")
    return connection


def list_links(connection: LiveObject[ConnectionSpec]) -> Iterator[ConnectionLink]:
    """Yield the links of a connection, sorted by their ports."""
    body = connection.spec.body
    if body.link is not None:
        yield ConnectionLink("", "", _get_ends(body.link))
    listed = {"": body.links, "peer link": body.peer_links, "session link": body.session_links}
    for purpose, links in listed.items():
        by_ends = map(_get_ends, links)
        for ends in sorted(by_ends, key=lambda ends: [str(end.spec.port) for end in ends]):
            yield ConnectionLink(f"#{ends[0].spec.port}", purpose, ends)


def find_used_ports(builder: PlanBuilder) -> UsedPorts:
    """Return the ports at the ends of all links that can be read."""
    used_ports: defaultdict[str, set[str]] = defaultdict(set)
    for connection in builder.live.list_kind(ConnectionSpec):
        for link in list_links(connection):
            for spec, end in link.ends:
                device = make_key(spec, connection.namespace, end.port.device)
                used_ports[device].add(end.port.port)
    return {device: frozenset(ports) for device, ports in used_ports.items()}


def _get_ends(link: Link) -> tuple[LinkEnd, ...]:
    return tuple(LinkEnd(_DEVICE_SPECS.get(name, SwitchSpec), end) for name, end in link.ends)
