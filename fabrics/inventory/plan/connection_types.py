"""Connection types: links between two ports, or from one port out of the fabric."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.gateway import GatewaySpec
from fabrics.inventory.specs.parse import LiveObject, make_key
from fabrics.inventory.specs.values import LiveSpec
from fabrics.inventory.specs.wiring import ConnectionSpec, EndSpec, Link, ServerSpec, SwitchSpec


@dataclass(frozen=True, slots=True)
class ConnectionType:
    """The properties that all connections of a type share.

    `is_lag`: the links of one device form a LAG. `accepts_vpcs`: VPCs can be attached. `default_mtu` is in
    bytes, for both ends where nothing states another MTU; 0 means none.
    """

    end_names: tuple[str, ...]
    is_lag: bool = False
    accepts_vpcs: bool = False
    default_mtu: int = 0


FABRIC_MTU: Final = 9100
"""What Hedgehog sets between its own devices (`pkg/fab/defaults.go` of fabricator 26.03), in bytes. The
`fabricMTU` of an installation may differ, but no object that the inventory reads states it."""

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
"""The types of Hedgehog v0.129. Connections with one end lead out of the fabric."""

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
    """Return the type of a connection, or raise `MappingError` if it is unknown."""
    connection_type = CONNECTION_TYPES.get(connection.spec.type)
    if connection_type is None:
        raise MappingError(f"has the unknown type {connection.spec.type}")
    return connection_type


def list_links(connection: LiveObject[ConnectionSpec]) -> Iterator[ConnectionLink]:
    """Yield the links of a connection, sorted by their ports.

    Raises `MappingError` where a link does not have the ends of its type.
    """
    body, names = connection.spec.body, get_connection_type(connection).end_names
    if body.link is not None:
        yield ConnectionLink("", "", _parse_ends(body.link, names))
    listed = {"": body.links, "peer link": body.peer_links, "session link": body.session_links}
    for purpose, links in listed.items():
        parsed = [_parse_ends(link, names) for link in links]
        for ends in sorted(parsed, key=lambda ends: [str(end.spec.port) for end in ends]):
            yield ConnectionLink(f"#{ends[0].spec.port}", purpose, ends)


def find_used_ports(builder: PlanBuilder) -> UsedPorts:
    """Return the ports at the ends of all links that can be read."""
    used_ports: defaultdict[str, set[str]] = defaultdict(set)
    for connection in builder.live.list_kind(ConnectionSpec):
        with suppress(MappingError):  # reported when the connection itself is mapped
            for link in list_links(connection):
                for spec, end in link.ends:
                    device = make_key(spec, connection.namespace, end.port.device)
                    used_ports[device].add(end.port.port)
    return {device: frozenset(ports) for device, ports in used_ports.items()}


def _parse_ends(link: Link, names: tuple[str, ...]) -> tuple[LinkEnd, ...]:
    if link.keys() != set(names):
        ends = " and ".join(sorted(link)) or "nothing"
        raise MappingError(f"has a link of {ends} instead of {' and '.join(names)}")
    return tuple(LinkEnd(_DEVICE_SPECS.get(name, SwitchSpec), link[name]) for name in names)
