"""The labels and annotations that Hedgehog's webhooks derive from the spec."""

from collections.abc import Callable
from typing import Final

from stack.kubernetes.manifests import Spec, get_connection_type, iter_link_ends
from stack.kubernetes.topology import LABEL_DOMAIN, Labels, make_membership_labels


def make_labels(kind: str, spec: Spec) -> Labels:
    """Return the labels of an object whose defaults are set."""
    return _LABEL_MAKERS[kind](spec) if kind in _LABEL_MAKERS else {}


def make_device_annotations(connection: Spec) -> Labels:
    """Return the annotations of a connection, which name the devices that it joins."""
    servers, switches = _find_servers_and_switches(connection)
    return _add_domain({"servers": ",".join(servers), "switches": ",".join(switches)})


def _make_switch_labels(spec: Spec) -> Labels:
    return {
        **_add_domain({"profile": spec["profile"]}),
        **make_membership_labels("vlanns", spec["vlanNamespaces"]),
        **make_membership_labels("switchgroup", spec.get("groups", ())),
    }


def _make_connection_labels(spec: Spec) -> Labels:
    servers, switches = _find_servers_and_switches(spec)
    return {
        **_add_domain({"connection-type": get_connection_type(spec)}),
        **make_membership_labels("server", servers),
        **make_membership_labels("switch", switches),
    }


def _make_vpc_labels(spec: Spec) -> Labels:
    return _add_domain({"ipv4ns": spec["ipv4Namespace"], "vlanns": spec["vlanNamespace"]})


def _make_vpc_attachment_labels(spec: Spec) -> Labels:
    vpc, subnet = spec["subnet"].split("/")
    labels = {"connection": spec["connection"], "vpc": vpc, "subnet": subnet}
    return _add_domain(labels | ({"nativevlan": "true"} if spec.get("nativeVLAN") else {}))


def _make_vpc_peering_labels(spec: Spec) -> Labels:
    vpcs = first, second = sorted(spec["permit"][0])
    return _add_domain({"vpc1": first, "vpc2": second}) | make_membership_labels("vpc", vpcs)


def _make_external_labels(spec: Spec) -> Labels:
    return _add_domain({"ipv4ns": spec["ipv4Namespace"]})


def _make_external_attachment_labels(spec: Spec) -> Labels:
    return _add_domain({"connection": spec["connection"], "external": spec["external"]})


def _make_external_peering_labels(spec: Spec) -> Labels:
    vpc, external = spec["permit"]["vpc"], spec["permit"]["external"]
    return _add_domain({"vpc": vpc["name"], "external": external["name"]})


def _add_domain(labels: Labels) -> Labels:
    return {f"{LABEL_DOMAIN}/{name}": value for name, value in labels.items()}


def _find_servers_and_switches(connection: Spec) -> tuple[list[str], list[str]]:
    ends = {(role, port.partition("/")[0]) for role, port in iter_link_ends(connection)}
    servers = {device for role, device in ends if role == "server"}
    switches = {device for role, device in ends if role != "server"}
    return sorted(servers), sorted(switches)


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
