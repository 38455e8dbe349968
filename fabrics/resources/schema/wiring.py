"""The wiring: switches, servers and what connects them (`wiring.githedgehog.com`)."""

from collections.abc import Mapping

from fabrics.resources import canonical
from fabrics.resources.json_types import Json
from fabrics.resources.schema.fields import (
    HYDRATED,
    KEPT,
    PORT,
    SPEED,
    TEXT_SET,
    TEXTS,
    VALUE,
    spec,
)
from fabrics.resources.schema.types import KeyedSet, Map, Set, Struct


def _ends(link: Mapping[str, Json]) -> str:
    """A link is told from others by the ports that it joins."""
    ports = (end.get("port") for _, end in sorted(link.items()) if isinstance(end, dict))
    return ", ".join(str(port) for port in ports)


def _links(**ends: Struct) -> KeyedSet:
    return KeyedSet(Struct(ends), key=_ends)


_SWITCH = spec(
    {
        "role": VALUE,
        "description": VALUE,
        "profile": VALUE,
        "groups": TEXT_SET,
        "redundancy": Struct({"group": VALUE, "type": VALUE}),
        "vlanNamespaces": TEXT_SET,
        "asn": HYDRATED,
        "ip": HYDRATED,
        "vtepIP": HYDRATED,
        "protocolIP": HYDRATED,
        "portGroupSpeeds": Map(SPEED),
        "portSpeeds": Map(SPEED, key=canonical.port),
        "portBreakouts": Map(VALUE),
        "portAutoNegs": Map(VALUE, key=canonical.port),
        "portFECs": Map(VALUE, key=canonical.port),
        "portLocators": Map(VALUE, ephemeral=True),  # LEDs that switch themselves off
        "boot": Struct({"serial": VALUE, "mac": VALUE}),
        "enableAllPorts": VALUE,
        "roce": VALUE,
        "ecmp": Struct({"roceQPN": VALUE}),
        "linkFlapErrDisable": Struct(
            {"flapThreshold": KEPT, "samplingInterval": KEPT, "recoveryInterval": KEPT},
            kept=True,
        ),
    }
)

_END = Struct({"port": PORT})
_ADDRESSED_END = Struct({"port": PORT, "ip": HYDRATED})
_SERVER_LINK = {"server": _END, "switch": _END}
_SERVER_LINKS = Struct(
    {"links": _links(**_SERVER_LINK), "mtu": VALUE, "fallback": VALUE}, kept=True
)
_SWITCH_LINKS = _links(switch1=_END, switch2=_END)

_CONNECTION = spec(
    {
        "unbundled": Struct({"link": Struct(_SERVER_LINK), "mtu": VALUE}, kept=True),
        "bundled": _SERVER_LINKS,
        "mclag": _SERVER_LINKS,
        "eslag": _SERVER_LINKS,
        "mclagDomain": Struct(
            {"peerLinks": _SWITCH_LINKS, "sessionLinks": _SWITCH_LINKS}, kept=True
        ),
        "fabric": Struct({"links": _links(spine=_ADDRESSED_END, leaf=_ADDRESSED_END)}, kept=True),
        "mesh": Struct({"links": _links(leaf1=_ADDRESSED_END, leaf2=_ADDRESSED_END)}, kept=True),
        "gateway": Struct(
            {"links": _links(switch=_ADDRESSED_END, gateway=_ADDRESSED_END)}, kept=True
        ),
        "vpcLoopback": Struct({"links": _SWITCH_LINKS}, kept=True),
        "external": Struct({"link": Struct({"switch": _END})}, kept=True),
        "staticExternal": Struct(
            {
                "link": Struct(
                    {
                        "switch": Struct(
                            {
                                "port": PORT,
                                "ip": VALUE,
                                "nextHop": VALUE,
                                "subnets": TEXTS,
                                "vlan": VALUE,
                            }
                        )
                    }
                ),
                "withinVPC": VALUE,
            },
            kept=True,
        ),
    }
)

WIRING_SPECS: Mapping[str, Struct] = {
    "VLANNamespace": spec({"ranges": Set(Struct({"from": VALUE, "to": VALUE}))}),
    "SwitchGroup": spec({}),
    "Switch": _SWITCH,
    "Server": spec({"description": VALUE, "profile": VALUE}),
    "Connection": _CONNECTION,
    "SwitchProfile": spec({}),  # not compared: no field of it has to be known
}
