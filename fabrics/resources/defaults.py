"""The defaults that Hedgehog's mutating webhooks set in a spec.

Between Git and the cluster the webhooks fill in defaults and drop what has no effect. The rules
below repeat that for the desired state alone, so that a live object which lost such a value still
shows as drift. Each rule is a row (path, rule), where `*` matches any key or element.
Source: the `Default()` methods in `githedgehog/fabric` v0.129, `api/**`.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial, reduce
from itertools import islice
from typing import Final

from fabrics.resources import spellings
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind

MAX_FILLED_DEPTH: Final = 3
"""How deep in a struct the rules at its path fill in values; rules for a whole spec fill its own fields only."""

MAX_STRIPPED_FIELDS: Final = 250
"""Of one struct. One with more keeps its defaults, since looking for them takes the square of their number."""

type Fields = dict[str, Json]
type Rule = Callable[[Fields], Fields]


def apply_defaults(kind: Kind, spec: Mapping[str, Json]) -> Fields:
    """Return the spec as the webhooks would store it; `spec` itself is not changed."""
    result: Json = dict(spec)
    for path, rule in DEFAULTING_RULES.get(kind.name, ()):
        result = _apply_at_path(result, _split_path(path), rule)
    return result if isinstance(result, dict) else {}


def strip_defaults(kind: Kind, spec: Mapping[str, Json]) -> Fields:
    """Return the spec without the values that `apply_defaults` fills in again."""
    result: Json = dict(spec)
    rules = DEFAULTING_RULES.get(kind.name, ())
    # What is within a struct goes first: then the struct itself may be a default.
    for path in reversed(dict.fromkeys(path for path, _ in rules)):
        at_path = [rule for other, rule in rules if other == path]
        strip = partial(_strip_struct, at_path, MAX_FILLED_DEPTH if path else 1)
        result = _apply_at_path(result, _split_path(path), strip)
    return result if isinstance(result, dict) else {}


def _strip_struct(rules: Sequence[Rule], depth: int, fields: Fields) -> Fields:
    """Return a struct without what the rules fill in again, down to `depth`."""

    def fill(stripped: Fields) -> Fields:
        return reduce(lambda filled, rule: rule(filled), rules, stripped)

    steps_of_fields = list(islice(_list_fields(fields, depth), MAX_STRIPPED_FIELDS + 1))
    if len(steps_of_fields) > MAX_STRIPPED_FIELDS:
        return fields
    result, filled = fields, fill(fields)
    for steps in sorted(steps_of_fields, key=len, reverse=True):
        rest = _remove_field(result, steps)
        if fill(rest) == filled:
            result = rest
    return result


def _list_fields(fields: Fields, depth: int) -> Iterator[tuple[str, ...]]:
    """Yield the path of each field, those of nested structs down to `depth` included."""
    for name, value in fields.items():
        yield (name,)
        if isinstance(value, dict) and depth > 1:
            yield from ((name, *steps) for steps in _list_fields(value, depth - 1))


def _remove_field(fields: Fields, steps: tuple[str, ...]) -> Fields:
    """Return a copy without the field at a path, if there is one."""
    name, *rest = steps
    if not rest:
        return {other: value for other, value in fields.items() if other != name}
    inner = fields.get(name)
    return fields | {name: _remove_field(inner, tuple(rest))} if isinstance(inner, dict) else fields


@cache
def _split_path(path: str) -> tuple[str, ...]:
    return tuple(path.split(".")) if path else ()


def _apply_at_path(value: Json, path: tuple[str, ...], rule: Rule) -> Json:
    """Return a copy with `rule` applied to every struct at `path`."""
    if isinstance(value, list) and path and path[0] == "*":
        return [_apply_at_path(item, path[1:], rule) for item in value]
    if not isinstance(value, dict):
        return value
    if not path:
        return rule(value)
    names = value.keys() if path[0] == "*" else value.keys() & {path[0]}
    return value | {name: _apply_at_path(value[name], path[1:], rule) for name in names}


def fill_empty(**values: Json) -> Rule:
    """Return a rule that sets absent or empty fields: Go cannot tell them apart."""
    return lambda fields: (
        fields | {name: value for name, value in values.items() if not fields.get(name)}
    )


def fill_absent(**values: Json) -> Rule:
    """Return a rule for fields that are pointers in Go: an explicit 0 stays."""
    return lambda fields: (
        fields | {name: value for name, value in values.items() if fields.get(name) is None}
    )


def _join_redundancy_group(switch: Fields) -> Fields:
    redundancy, groups = switch.get("redundancy"), switch.get("groups") or []
    group = redundancy.get("group") if isinstance(redundancy, dict) else None
    if not group or not isinstance(groups, list) or group in groups:
        return switch
    return switch | {"groups": [*groups, group]}


def _fill_range_end(vlans: Fields) -> Fields:
    return fill_empty(to=vlans.get("from"))(vlans)


def _fill_subnet_name(attachment: Fields) -> Fields:
    subnet = attachment.get("subnet")
    if not isinstance(subnet, str) or not subnet or "/" in subnet:
        return attachment
    return attachment | {"subnet": f"{subnet}/default"}


def _fill_gateway(subnet: Fields) -> Fields:
    network = _parse_network(subnet)
    if network is None or subnet.get("hostBGP"):
        return subnet
    return fill_empty(gateway=str(network.network_address + 1))(subnet)


def _fill_dhcp(subnet: Fields) -> Fields:
    """Complete the range of an enabled DHCP server; else drop range and options."""
    network, dhcp = _parse_network(subnet), subnet.get("dhcp")
    if network is None or not isinstance(dhcp, dict):
        return subnet
    if not dhcp.get("enable"):
        rest = {name: value for name, value in dhcp.items() if name not in ("range", "options")}
        return subnet | {"dhcp": rest}
    addresses = dhcp.get("range") or {}
    if isinstance(addresses, dict):
        first, last = network.network_address + 2, network.broadcast_address
        dhcp = dhcp | {"range": fill_empty(start=str(first), end=str(last))(addresses)}
    return subnet | {"dhcp": dhcp}


_OPTIONS_SET_IF_NONEMPTY = ("pxeURL", "interfaceMTU", "leaseTimeSeconds", "disableDefaultRoute")
_OPTIONS_SET_IF_PRESENT = ("dnsServers", "timeServers", "advertisedRoutes")


def _fill_dhcp_options(subnet: Fields) -> Fields:
    """Fill in the options once any of them is set; an empty list counts as set."""
    network, dhcp = _parse_network(subnet), subnet.get("dhcp")
    if network is None or not isinstance(dhcp, dict):
        return subnet
    options = dhcp.get("options")
    if not isinstance(options, dict):
        return subnet
    any_set = any(options.get(name) for name in _OPTIONS_SET_IF_NONEMPTY)
    any_set |= any(options.get(name) is not None for name in _OPTIONS_SET_IF_PRESENT)
    filled = fill_empty(interfaceMTU=9036, leaseTimeSeconds=3600)(options) if any_set else {}
    return subnet | {"dhcp": dhcp | {"options": filled}}


def _parse_network(subnet: Fields) -> ipaddress.IPv4Network | None:
    """Return the network of a VPC subnet; None if Hedgehog would refuse it."""
    prefix = subnet.get("subnet")
    if not isinstance(prefix, str) or not prefix.rpartition("/")[2].isdecimal():
        return None
    try:
        network = ipaddress.IPv4Network(prefix, strict=False)
    except ValueError:
        return None
    return network if network.prefixlen <= 30 else None


def _fill_idle_timeout(nat: Fields) -> Fields:
    timeout = nat.get("idleTimeout")
    is_set = isinstance(timeout, str) and spellings.canonicalize_duration(timeout)
    return nat if is_set else nat | {"idleTimeout": "2m0s"}


DEFAULTING_RULES: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    "Switch": (
        ("", fill_empty(vlanNamespaces=["default"])),
        ("", _join_redundancy_group),
        (
            "linkFlapErrDisable",
            fill_absent(flapThreshold=3, samplingInterval=30, recoveryInterval=300),
        ),
    ),
    "VLANNamespace": (("ranges.*", _fill_range_end),),
    "VPC": (
        ("", fill_empty(ipv4Namespace="default", vlanNamespace="default")),
        ("subnets.*", _fill_gateway),
        ("subnets.*", _fill_dhcp),
        ("subnets.*", _fill_dhcp_options),
    ),
    "VPCAttachment": (("", _fill_subnet_name),),
    "External": (("", fill_empty(ipv4Namespace="default")),),
    "VPCInterconnect": (("", fill_empty(ipv4Namespace="default")),),
    "Gateway": (
        ("", fill_empty(workers=4, groups=[{"name": "default"}], logs={})),
        ("logs", fill_empty(default="info", tags={"all": "info"})),
        ("logs.rateLimit", fill_empty(burst=50, replenishPerSecond=5)),
    ),
    "GatewayPeering": (
        ("", fill_empty(gatewayGroup="default")),
        ("peering.*.expose.*.nat.masquerade", _fill_idle_timeout),
        ("peering.*.expose.*.nat.portForward", _fill_idle_timeout),
        ("acl", fill_empty(default="deny-unless-exposed")),
        ("acl.rules.*", fill_empty(scope="flow")),
    ),
}
"""The rules of each kind, in the order in which they apply."""
