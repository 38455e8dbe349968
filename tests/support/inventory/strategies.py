"""Hypothesis strategies for fabrics: contradictory and malformed objects."""

from typing import Any

from hypothesis import strategies as st

from fabrics.resources.kinds import SWITCH_PROFILE, get_kind
from fabrics.resources.resource import Resource, resource_from_api

SWITCHES, SERVERS, GATEWAYS = ("sw-1", "sw-2", "sw-3"), ("s-1", "s-2"), ("g-1", "sw-1")
NAMES = ("a", "b", "c")
LONG = "long-" * 20 + "name"
CONNECTIONS = (*NAMES, LONG, "d", "e", "f", "g")

_ports = st.sampled_from(
    ("E1/1", "E1/1/1", "E1/1/2", "E1/2", "E1/3", "E1/4", "E1/5", "E1/6", "E1/7", "E1/8", "e1", "lo")
)
_ips = st.sampled_from((*(f"10.0.{n}.{n}/24" for n in range(20)), "10.0.1.2/31"))
_networks = st.sampled_from(
    ("10.1.0.0/24", "10.1.0.7/24", "10.1.0.0/16", "10.2.0.0/31", "10.3.0.0/24", "0.0.0.0/0")
)
_hosts = st.sampled_from(("10.1.0.1", "10.1.0.2", "10.1.0.255", "10.1.3.3", "10.2.0.1"))
_vlans = st.sampled_from((0, *range(10, 20), 3000))
_speeds = st.sampled_from(("10G", "SPEED_25G", "100G"))
_names = st.sampled_from((*NAMES, LONG))
_connections = st.sampled_from(CONNECTIONS)


def _some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for dictionaries with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


def _all(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


def _end(*devices: str) -> st.SearchStrategy[dict[str, Any]]:
    port = st.builds("{}/{}".format, st.sampled_from((*devices * 4, "gone")), _ports)
    return st.fixed_dictionaries({"port": port}, optional={"ip": _ips, "vlan": _vlans})


_server = _all(server=_end(*SERVERS), switch=_end(*SWITCHES))
_pair = _all(switch1=_end(*SWITCHES), switch2=_end(*SWITCHES))
_external = _all(switch=_end(*SWITCHES))
_static = _all(link=_external, withinVPC=st.sampled_from(("", *NAMES)))
_bundle = _all(links=st.lists(_server, max_size=4), mtu=st.sampled_from((0, 9036)))


def _links(link: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return _all(links=st.lists(link, max_size=3))


_connection = st.one_of(
    _all(external=_all(link=_external)),
    _all(unbundled=_all(link=_server)),
    _all(bundled=_bundle),
    _all(mclag=_bundle),
    _all(eslag=_bundle),
    _all(
        mclagDomain=_some(
            peerLinks=st.lists(_pair, max_size=2), sessionLinks=st.lists(_pair, max_size=2)
        )
    ),
    _all(fabric=_links(_all(spine=_end(*SWITCHES), leaf=_end(*SWITCHES)))),
    _all(mesh=_links(_all(leaf1=_end(*SWITCHES), leaf2=_end(*SWITCHES)))),
    _all(gateway=_links(_all(switch=_end(*SWITCHES), gateway=_end(*GATEWAYS)))),
    _all(vpcLoopback=_links(_pair)),
    _all(external=_all(link=_external)),
    _all(staticExternal=_static),
)
_switch = _some(
    role=st.sampled_from(("spine", "server-leaf")),
    profile=st.sampled_from(("vs", "vs-clsp", "odd")),
    description=st.text(max_size=300),
    ip=_ips,
    protocolIP=_ips,
    vtepIP=_ips,
    redundancy=st.sampled_from(({}, {"type": "mclag", "group": "a"})),
    boot=_some(mac=st.just("0c:20:12:ff:00:00"), serial=st.just("CN1")),
    portBreakouts=st.dictionaries(_ports, st.sampled_from(("1x100G", "2x50G", "4x25G"))),
    portSpeeds=st.dictionaries(_ports, _speeds),
)
_pool = _all(
    enable=st.sampled_from((True, True, False)),
    range=_some(start=_hosts, end=_hosts),
    static=st.sampled_from(({}, {"3c:fd:fe:c8:41:10": {"ip": "10.1.0.9"}})),
)
_subnet = _all(
    subnet=_networks,
    vlan=_vlans,
    gateway=_hosts,
    dhcp=st.just({}) | _pool,
    hostBGP=st.booleans(),
)
_permit = _all(vpc=_all(name=_names), external=_all(name=_names))
_profile = _some(
    displayName=st.just("Virtual Switch"),
    nosType=st.just("sonic"),
    ports=st.dictionaries(_ports, _some(profile=st.just("QSFP28-100G"), management=st.booleans())),
    portProfiles=st.just({"QSFP28-100G": {"breakout": {"default": "2x50G"}}}),
)

SPECS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "SwitchProfile": _profile,
    "VLANNamespace": _all(ranges=st.just([{"from": 10, "to": 14}, {"from": 12, "to": 20}])),
    "Switch": _switch,
    "Fabric": _some(
        leafASNStart=st.just(65101),
        disableBFD=st.booleans(),
        domains=st.dictionaries(_names, _some(spineASN=st.just(65100)), max_size=2),
    ),
    "Server": _some(description=st.text(max_size=20)),
    "Connection": _connection,
    "IPv4Namespace": _all(subnets=st.lists(_networks, max_size=3)),
    "VPC": _all(
        vlanNamespace=st.sampled_from(("default", "a")),
        subnets=st.fixed_dictionaries({"a": _subnet}, optional={"b": _subnet, "default": _subnet}),
    ),
    "VPCAttachment": _all(
        subnet=st.sampled_from(("a", "a/a", "b/a", "b/b", "c/a")),
        connection=_connections,
        nativeVLAN=st.booleans(),
    ),
    "VPCPeering": _all(
        permit=st.lists(st.dictionaries(_names, st.just({}), max_size=2), max_size=2)
    ),
    "External": _some(
        static=_all(prefixes=st.lists(_networks, max_size=3)), localASN=st.just(65000)
    ),
    "ExternalAttachment": st.fixed_dictionaries(
        {"external": _names, "connection": _connections, "switch": _all(vlan=_vlans, ip=_ips)},
        optional={"static": _some(vlan=_vlans, ip=_ips), "bfd": _some(minRX=st.just(300))},
    ),
    "ExternalPeering": _all(permit=_permit),
    "Gateway": _some(
        interfaces=st.dictionaries(_ports, _some(ips=st.lists(_ips, max_size=3), mtu=_vlans)),
        protocolIP=_ips,
        vtepIP=_ips,
        vtepMAC=st.just("CA:FE:BA:BE:01:01"),
        vtepMTU=_vlans,
    ),
    "GatewayPeering": _all(peering=st.dictionaries(_names, st.just({"expose": []}), max_size=2)),
}
"""Specs by every kind that the inventory shows."""

_JUNK: st.SearchStrategy[Any] = st.sampled_from(
    (
        None,
        {},
        [],
        [None],
        {"": None},
        "",
        "x",
        "0",
        "1/1",
        "\ud800",
        "a\nb",
        0,
        -1,
        10**20,
        1.5,
        True,
    )
) | st.text(max_size=80)


@st.composite
def _mangled(draw: st.DrawFn, value: Any) -> Any:  # noqa: ANN401
    """The value with junk in one place."""
    if not isinstance(value, dict | list) or not value or draw(st.booleans()):
        return draw(_JUNK)
    if isinstance(value, list):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], draw(_mangled(value[index])), *value[index + 1 :]]
    name = draw(st.sampled_from(sorted(value)))
    if draw(st.booleans()):
        return value | {name: draw(_mangled(value[name]))}
    rest = {key: entry for key, entry in value.items() if key != name}
    return rest | {draw(st.text(max_size=5)): value[name]}


_METADATA: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": st.text(min_size=1), "namespace": st.sampled_from(("default", "other", "A\n"))}
)


def _resource(kind: str, name: str) -> st.SearchStrategy[Resource]:
    """Return a strategy for objects of this kind and name."""
    return SPECS[kind].map(lambda spec: _make_resource(kind, {"name": name}, spec))


def _make_resource(kind: str, metadata: dict[str, Any], spec: Any) -> Resource:  # noqa: ANN401
    known_kind = SWITCH_PROFILE if kind == SWITCH_PROFILE.name else get_kind(kind)
    return resource_from_api(
        {"metadata": metadata, "spec": spec if isinstance(spec, dict) else {}}, known_kind
    )


@st.composite
def _odd(draw: st.DrawFn) -> Resource:
    """A malformed object, or one with an arbitrary name."""
    kind, name = draw(st.sampled_from(FRAME))
    spec = draw(SPECS[kind])
    if draw(st.booleans()):
        return _make_resource(kind, {"name": name}, draw(_mangled(spec)))
    return _make_resource(kind, draw(_METADATA), spec)


FRAME = (
    *(("SwitchProfile", name) for name in ("vs", "vs-clsp")),
    *(("VLANNamespace", name) for name in ("default", "a")),
    *(("Fabric", name) for name in ("default", "a")),
    *(("Switch", name) for name in SWITCHES),
    *(("Server", name) for name in SERVERS),
    *(("Gateway", name) for name in GATEWAYS),
    *(("Connection", name) for name in CONNECTIONS),
    *(("IPv4Namespace", name) for name in ("default", LONG)),
    *(("VPC", name) for name in (*NAMES, LONG)),
    *(("VPCAttachment", name) for name in CONNECTIONS),
    *(("VPCPeering", name) for name in NAMES),
    *(("External", name) for name in NAMES),
    *(("ExternalAttachment", name) for name in CONNECTIONS),
    *(("ExternalPeering", name) for name in NAMES),
    *(("GatewayPeering", name) for name in NAMES),
)
"""The objects that a generated fabric may have, by kind and name."""


@st.composite
def fabrics(draw: st.DrawFn) -> list[Resource]:
    """Valid objects, most of those in `FRAME`."""
    absent = draw(st.sets(st.sampled_from(FRAME), max_size=10))
    return [
        draw(_resource(*kind_and_name)) for kind_and_name in FRAME if kind_and_name not in absent
    ]


@st.composite
def odd_fabrics(draw: st.DrawFn) -> list[Resource]:
    """A fabric with some malformed objects, which may repeat the names of others."""
    return [*draw(fabrics()), *draw(st.lists(_odd(), min_size=1, max_size=8))]
