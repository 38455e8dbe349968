"""What Hedgehog's mutating web hooks do to a spec on its way from Git into the cluster.

Git rarely states all that the cluster then holds: the hooks fill defaults and drop what has no
effect. The rows below replay that on the desired side alone, so that a live object which lost such
a value still shows. Adding a rule is adding a row: (path, rule), where `*` is any key or element.
Source: the `Default()` methods in `githedgehog/fabric` v0.129, `api/**`.
"""

import ipaddress
from collections.abc import Callable, Mapping
from functools import cache

from fabrics.resources import canonical
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind

type Fields = dict[str, Json]
type Rule = Callable[[Fields], Fields]


def with_defaults(kind: Kind, spec: Mapping[str, Json]) -> Fields:
    """The spec as the hooks would store it; the given one is left as it is."""
    result: Json = dict(spec)
    for path, rule in RULES.get(kind.name, ()):
        result = _apply(result, _steps(path), rule)
    return result if isinstance(result, dict) else {}


@cache
def _steps(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _apply(value: Json, path: tuple[str, ...], rule: Rule) -> Json:
    """The value with `rule` applied to every struct at `path`; what it does not reach is shared."""
    if isinstance(value, list) and path and path[0] == "*":
        return [_apply(each, path[1:], rule) for each in value]
    if not isinstance(value, dict):
        return value
    if not path:
        return rule(value)
    reached = value.keys() if path[0] == "*" else value.keys() & {path[0]}
    return value | {name: _apply(value[name], path[1:], rule) for name in reached}


def fill(**values: Json) -> Rule:
    """A rule that gives fields a value where they are absent or empty; Go can't tell which."""
    return lambda fields: (
        fields | {name: value for name, value in values.items() if not fields.get(name)}
    )


def fill_absent(**values: Json) -> Rule:
    """A rule for fields that are pointers in Go: an explicit 0 or false stays."""
    return lambda fields: (
        fields | {name: value for name, value in values.items() if fields.get(name) is None}
    )


def _join_redundancy_group(switch: Fields) -> Fields:
    redundancy, groups = switch.get("redundancy"), switch.get("groups") or []
    group = redundancy.get("group") if isinstance(redundancy, dict) else None
    if not group or not isinstance(groups, list) or group in groups:
        return switch
    return switch | {"groups": [*groups, group]}


def _close_range(vlans: Fields) -> Fields:
    return fill(to=vlans.get("from"))(vlans)


def _default_subnet(attachment: Fields) -> Fields:
    subnet = attachment.get("subnet")
    if not isinstance(subnet, str) or not subnet or "/" in subnet:
        return attachment
    return attachment | {"subnet": f"{subnet}/default"}


def _first_address(subnet: Fields) -> Fields:
    network = _network(subnet)
    if network is None or subnet.get("hostBGP"):
        return subnet
    return fill(gateway=str(network.network_address + 1))(subnet)


def _dhcp(subnet: Fields) -> Fields:
    """Without a server there is neither range nor options; with one, both are completed."""
    network, dhcp = _network(subnet), subnet.get("dhcp")
    if network is None or not isinstance(dhcp, dict):
        return subnet
    if not dhcp.get("enable"):
        kept = {name: value for name, value in dhcp.items() if name not in ("range", "options")}
        return subnet | {"dhcp": kept}
    addresses = dhcp.get("range") or {}
    if isinstance(addresses, dict):
        first, last = network.network_address + 2, network.broadcast_address
        dhcp = dhcp | {"range": fill(start=str(first), end=str(last))(addresses)}
    return subnet | {"dhcp": dhcp}


_UNLESS_EMPTY = ("pxeURL", "interfaceMTU", "leaseTimeSeconds", "disableDefaultRoute")
_UNLESS_ABSENT = ("dnsServers", "timeServers", "advertisedRoutes")


def _dhcp_options(subnet: Fields) -> Fields:
    """Options get their defaults once any of them is stated; an empty list counts as stated."""
    network, dhcp = _network(subnet), subnet.get("dhcp")
    if network is None or not isinstance(dhcp, dict):
        return subnet
    options = dhcp.get("options")
    if not isinstance(options, dict):
        return subnet
    stated = any(options.get(name) for name in _UNLESS_EMPTY)
    stated |= any(options.get(name) is not None for name in _UNLESS_ABSENT)
    filled = fill(interfaceMTU=9036, leaseTimeSeconds=3600)(options) if stated else {}
    return subnet | {"dhcp": dhcp | {"options": filled}}


def _network(subnet: Fields) -> ipaddress.IPv4Network | None:
    """The network of a VPC subnet, host bits allowed; None where Hedgehog would refuse it."""
    prefix = subnet.get("subnet")
    if not isinstance(prefix, str) or not prefix.rpartition("/")[2].isdecimal():
        return None
    try:
        network = ipaddress.IPv4Network(prefix, strict=False)
    except ValueError:
        return None
    return network if network.prefixlen <= 30 else None


def _idle_timeout(nat: Fields) -> Fields:
    timeout = nat.get("idleTimeout")
    stated = isinstance(timeout, str) and canonical.duration(timeout)
    return nat if stated else nat | {"idleTimeout": "2m0s"}


RULES: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    "Switch": (
        ("", fill(vlanNamespaces=["default"])),
        ("", _join_redundancy_group),
        (
            "linkFlapErrDisable",
            fill_absent(flapThreshold=3, samplingInterval=30, recoveryInterval=300),
        ),
    ),
    "VLANNamespace": (("ranges.*", _close_range),),
    "VPC": (
        ("", fill(ipv4Namespace="default", vlanNamespace="default")),
        ("subnets.*", _first_address),
        ("subnets.*", _dhcp),
        ("subnets.*", _dhcp_options),
    ),
    "VPCAttachment": (("", _default_subnet),),
    "External": (("", fill(ipv4Namespace="default")),),
    "Gateway": (
        ("", fill(workers=4, groups=[{"name": "default"}], logs={})),
        ("logs", fill(default="info", tags={"all": "info"})),
        ("logs.rateLimit", fill(burst=50, replenishPerSecond=5)),
    ),
    "GatewayPeering": (
        ("", fill(gatewayGroup="default")),
        ("peering.*.expose.*.nat.masquerade", _idle_timeout),
        ("peering.*.expose.*.nat.portForward", _idle_timeout),
        ("acl", fill(default="deny-unless-exposed")),
        ("acl.rules.*", fill(scope="flow")),
    ),
}
"""The rules of each kind, in the order in which they apply."""
