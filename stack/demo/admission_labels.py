"""The labels and annotations that Hedgehog's webhooks write, all of which follow from the spec."""

from collections.abc import Callable, Iterable
from typing import Final

from stack.demo.manifests import Spec, iter_link_ends

LABEL_DOMAIN: Final = "fabric.githedgehog.com"

type Labels = dict[str, str]


def make_labels(kind: str, spec: Spec) -> Labels:
    """The labels of an object whose defaults are filled in."""
    return _LABEL_MAKERS[kind](spec) if kind in _LABEL_MAKERS else {}


def make_device_annotations(connection: Spec) -> Labels:
    """The annotations of a connection: which devices it joins."""
    servers, switches = _find_servers_and_switches(connection)
    return {
        f"{LABEL_DOMAIN}/servers": ",".join(servers),
        f"{LABEL_DOMAIN}/switches": ",".join(switches),
    }


def _make_switch_labels(spec: Spec) -> Labels:
    return {
        f"{LABEL_DOMAIN}/profile": spec["profile"],
        **_make_membership_labels("vlanns", spec["vlanNamespaces"]),
        **_make_membership_labels("switchgroup", spec.get("groups", ())),
    }


def _make_connection_labels(spec: Spec) -> Labels:
    servers, switches = _find_servers_and_switches(spec)
    (connection_type,) = spec
    return {
        f"{LABEL_DOMAIN}/connection-type": connection_type,
        **_make_membership_labels("server", servers),
        **_make_membership_labels("switch", switches),
    }


def _make_vpc_labels(spec: Spec) -> Labels:
    return {
        f"{LABEL_DOMAIN}/ipv4ns": spec["ipv4Namespace"],
        f"{LABEL_DOMAIN}/vlanns": spec["vlanNamespace"],
    }


def _make_vpc_attachment_labels(spec: Spec) -> Labels:
    vpc, subnet = spec["subnet"].split("/")
    found = {"connection": spec["connection"], "vpc": vpc, "subnet": subnet}
    if spec.get("nativeVLAN"):
        found["nativevlan"] = "true"
    return {f"{LABEL_DOMAIN}/{name}": value for name, value in found.items()}


def _make_vpc_peering_labels(spec: Spec) -> Labels:
    first, second = sorted(spec["permit"][0])
    return {
        f"{LABEL_DOMAIN}/vpc1": first,
        f"{LABEL_DOMAIN}/vpc2": second,
        **_make_membership_labels("vpc", (first, second)),
    }


def _make_external_labels(spec: Spec) -> Labels:
    return {f"{LABEL_DOMAIN}/ipv4ns": spec["ipv4Namespace"]}


def _make_external_attachment_labels(spec: Spec) -> Labels:
    return {
        f"{LABEL_DOMAIN}/connection": spec["connection"],
        f"{LABEL_DOMAIN}/external": spec["external"],
    }


def _make_external_peering_labels(spec: Spec) -> Labels:
    permit = spec["permit"]
    return {
        f"{LABEL_DOMAIN}/vpc": permit["vpc"]["name"],
        f"{LABEL_DOMAIN}/external": permit["external"]["name"],
    }


def _find_servers_and_switches(connection: Spec) -> tuple[list[str], list[str]]:
    devices = {
        (role == "server", port.partition("/")[0]) for role, port in iter_link_ends(connection)
    }
    servers = sorted(name for is_server, name in devices if is_server)
    switches = sorted(name for is_server, name in devices if not is_server)
    return servers, switches


def _make_membership_labels(prefix: str, names: Iterable[str]) -> Labels:
    return {f"{prefix}.{LABEL_DOMAIN}/{name}": "true" for name in names}


_LABEL_MAKERS: Final[dict[str, Callable[[Spec], Labels]]] = {
    "Switch": _make_switch_labels,
    "Connection": _make_connection_labels,
    "VPC": _make_vpc_labels,
    "VPCAttachment": _make_vpc_attachment_labels,
    "VPCPeering": _make_vpc_peering_labels,
    "External": _make_external_labels,
    "ExternalAttachment": _make_external_attachment_labels,
    "ExternalPeering": _make_external_peering_labels,
}
