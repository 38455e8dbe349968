"""The labels and annotations that Hedgehog's webhooks write, all of which follow from the spec."""

from collections.abc import Callable, Iterable
from typing import Final

from stack.demo.manifests import Spec, ends

FABRIC: Final = "fabric.githedgehog.com"

type Labels = dict[str, str]


def labels(kind: str, spec: Spec) -> Labels:
    """The labels of an object whose defaults are filled in."""
    return _LABELS[kind](spec) if kind in _LABELS else {}


def device_annotations(connection: Spec) -> Labels:
    """The annotations of a connection: which devices it joins."""
    servers, switches = _servers_and_switches(connection)
    return {f"{FABRIC}/servers": ",".join(servers), f"{FABRIC}/switches": ",".join(switches)}


def _switch(spec: Spec) -> Labels:
    return {
        f"{FABRIC}/profile": spec["profile"],
        **_each("vlanns", spec["vlanNamespaces"]),
        **_each("switchgroup", spec.get("groups", ())),
    }


def _connection(spec: Spec) -> Labels:
    servers, switches = _servers_and_switches(spec)
    (connection_type,) = spec
    return {
        f"{FABRIC}/connection-type": connection_type,
        **_each("server", servers),
        **_each("switch", switches),
    }


def _vpc(spec: Spec) -> Labels:
    return {f"{FABRIC}/ipv4ns": spec["ipv4Namespace"], f"{FABRIC}/vlanns": spec["vlanNamespace"]}


def _vpc_attachment(spec: Spec) -> Labels:
    vpc, subnet = spec["subnet"].split("/")
    found = {"connection": spec["connection"], "vpc": vpc, "subnet": subnet}
    if spec.get("nativeVLAN"):
        found["nativevlan"] = "true"
    return {f"{FABRIC}/{name}": value for name, value in found.items()}


def _vpc_peering(spec: Spec) -> Labels:
    first, second = sorted(spec["permit"][0])
    return {f"{FABRIC}/vpc1": first, f"{FABRIC}/vpc2": second, **_each("vpc", (first, second))}


def _external(spec: Spec) -> Labels:
    return {f"{FABRIC}/ipv4ns": spec["ipv4Namespace"]}


def _external_attachment(spec: Spec) -> Labels:
    return {f"{FABRIC}/connection": spec["connection"], f"{FABRIC}/external": spec["external"]}


def _external_peering(spec: Spec) -> Labels:
    permit = spec["permit"]
    return {
        f"{FABRIC}/vpc": permit["vpc"]["name"],
        f"{FABRIC}/external": permit["external"]["name"],
    }


def _servers_and_switches(connection: Spec) -> tuple[list[str], list[str]]:
    devices = {(role == "server", port.partition("/")[0]) for role, port in ends(connection)}
    servers = sorted(name for is_server, name in devices if is_server)
    switches = sorted(name for is_server, name in devices if not is_server)
    return servers, switches


def _each(prefix: str, names: Iterable[str]) -> Labels:
    return {f"{prefix}.{FABRIC}/{name}": "true" for name in names}


_LABELS: Final[dict[str, Callable[[Spec], Labels]]] = {
    "Switch": _switch,
    "Connection": _connection,
    "VPC": _vpc,
    "VPCAttachment": _vpc_attachment,
    "VPCPeering": _vpc_peering,
    "External": _external,
    "ExternalAttachment": _external_attachment,
    "ExternalPeering": _external_peering,
}
