"""The schemas of switches, servers, connections (`wiring.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources import spellings
from fabrics.resources.json_types import Json
from fabrics.resources.schema.fields import (
    FABRIC,
    FABRIC_AND_DOMAINS,
    HYDRATED,
    KEEP_EMPTY_SCALAR,
    PORT,
    SCALAR,
    SPEED,
    STRING_LIST,
    STRING_SET,
)
from fabrics.resources.schema.types import ListMap, Map, Set, Struct


def _get_link_key(link: Mapping[str, Json]) -> str:
    """Return the names of the ports that a link joins."""
    ports = (end.get("port") for _, end in sorted(link.items()) if isinstance(end, dict))
    return ", ".join(str(port) for port in ports)


def _define_links(**ends: Struct) -> ListMap:
    return ListMap(Struct(ends), key=_get_link_key)


_SWITCH = Struct(
    {
        **FABRIC_AND_DOMAINS,
        "role": SCALAR,
        "description": SCALAR,
        "profile": SCALAR,
        "groups": STRING_SET,
        "redundancy": Struct({"group": SCALAR, "type": SCALAR}),
        "vlanNamespaces": STRING_SET,
        "asn": HYDRATED,
        "ip": HYDRATED,
        "vtepIP": HYDRATED,
        "protocolIP": HYDRATED,
        "portGroupSpeeds": Map(SPEED),
        "portSpeeds": Map(SPEED, canonicalize_key=spellings.canonicalize_port),
        "portBreakouts": Map(SCALAR),
        "portAutoNegs": Map(SCALAR, canonicalize_key=spellings.canonicalize_port),
        "portFECs": Map(SCALAR, canonicalize_key=spellings.canonicalize_port),
        "portLocators": Map(SCALAR, ephemeral=True),  # LEDs that switch themselves off
        "boot": Struct({"serial": SCALAR, "mac": SCALAR}),
        "enableAllPorts": SCALAR,
        "roce": SCALAR,
        "ecmp": Struct({"roceQPN": SCALAR}),
        "linkFlapErrDisable": Struct(
            {
                "flapThreshold": KEEP_EMPTY_SCALAR,
                "samplingInterval": KEEP_EMPTY_SCALAR,
                "recoveryInterval": KEEP_EMPTY_SCALAR,
            },
            keep_empty=True,
        ),
    }
)

_END = Struct({"port": PORT})
_ADDRESSED_END = Struct({"port": PORT, "ip": HYDRATED})
_STATIC_END = Struct(
    {"port": PORT, "ip": SCALAR, "nextHop": SCALAR, "subnets": STRING_LIST, "vlan": SCALAR}
)
_SERVER_LINK = {"server": _END, "switch": _END}
_SERVER_LINKS = Struct(
    {"links": _define_links(**_SERVER_LINK), "mtu": SCALAR, "fallback": SCALAR}, keep_empty=True
)
_SWITCH_LINKS = _define_links(switch1=_END, switch2=_END)

_CONNECTION = Struct(
    {
        **FABRIC,
        "unbundled": Struct({"link": Struct(_SERVER_LINK), "mtu": SCALAR}, keep_empty=True),
        "bundled": _SERVER_LINKS,
        "mclag": _SERVER_LINKS,
        "eslag": _SERVER_LINKS,
        "mclagDomain": Struct(
            {"peerLinks": _SWITCH_LINKS, "sessionLinks": _SWITCH_LINKS}, keep_empty=True
        ),
        "fabric": Struct(
            {"links": _define_links(spine=_ADDRESSED_END, leaf=_ADDRESSED_END)}, keep_empty=True
        ),
        "mesh": Struct(
            {"links": _define_links(leaf1=_ADDRESSED_END, leaf2=_ADDRESSED_END)}, keep_empty=True
        ),
        "gateway": Struct(
            {"links": _define_links(switch=_ADDRESSED_END, gateway=_ADDRESSED_END)}, keep_empty=True
        ),
        "vpcLoopback": Struct({"links": _SWITCH_LINKS}, keep_empty=True),
        "external": Struct({"link": Struct({"switch": _END})}, keep_empty=True),
        "staticExternal": Struct(
            {"link": Struct({"switch": _STATIC_END}), "withinVPC": SCALAR}, keep_empty=True
        ),
    }
)

_FABRIC = Struct(
    {
        "leafASNStart": SCALAR,
        "leafASNEnd": SCALAR,
        "disableBFD": SCALAR,
        "domains": Map(Struct({"spineASN": SCALAR, "gatewayASN": SCALAR})),
    }
)

WIRING_SPECS: Mapping[str, Struct] = {
    "Fabric": _FABRIC,
    "VLANNamespace": Struct({"ranges": Set(Struct({"from": SCALAR, "to": SCALAR}))}),
    "SwitchGroup": Struct(FABRIC),
    "Switch": _SWITCH,
    "Server": Struct({"description": SCALAR, "profile": SCALAR}),
    "Connection": _CONNECTION,
}
