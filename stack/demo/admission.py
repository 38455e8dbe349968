"""The changes that a fabric's API server makes to a manifest before it stores it.

Hedgehog's webhooks fill in defaults, sort lists and add labels, so the live state is never a copy
of Git. A demo that served the files themselves would not show that these differences are no drift.
Only what the samples use is covered.

Source: https://github.com/githedgehog/fabric, the `Default()` methods under `api/` in v0.129.1.
"""

from collections.abc import Callable
from copy import deepcopy
from ipaddress import IPv4Network, ip_interface

from stack.demo.admission_labels import make_device_annotations, make_labels
from stack.kubernetes.manifests import Manifest, Spec
from stack.kubernetes.topology import LABEL_DOMAIN


def admit(manifest: Manifest) -> Manifest:
    """Return the object that an API server with Hedgehog's webhooks stores."""
    stored = deepcopy(manifest)
    kind, metadata, spec = stored["kind"], stored["metadata"], stored.setdefault("spec", {})
    metadata.setdefault("namespace", "default")
    if kind in _DEFAULTERS:
        _DEFAULTERS[kind](spec)
    labels = {k: v for k, v in metadata.pop("labels", {}).items() if f"{LABEL_DOMAIN}/" not in k}
    if labels := labels | make_labels(kind, spec):
        metadata["labels"] = labels
    if kind == "Connection":
        metadata.setdefault("annotations", {}).update(make_device_annotations(spec))
    return stored


def _set_switch_defaults(spec: Spec) -> None:
    for part in ("boot", "redundancy", "ecmp"):
        spec.setdefault(part, {})
    spec["vlanNamespaces"] = sorted(spec.get("vlanNamespaces", ["default"]))
    if groups := {*spec.get("groups", ()), spec["redundancy"].get("group")} - {None}:
        spec["groups"] = sorted(groups)
    if speeds := spec.get("portGroupSpeeds"):
        spec["portGroupSpeeds"] = {g: speed.removeprefix("SPEED_") for g, speed in speeds.items()}


def _set_vlan_namespace_defaults(spec: Spec) -> None:
    for vlans in spec["ranges"]:
        vlans.setdefault("to", vlans["from"])
    spec["ranges"].sort(key=lambda vlans: vlans["from"])


def _set_ipv4_namespace_defaults(spec: Spec) -> None:
    spec["subnets"].sort()


def _set_vpc_defaults(spec: Spec) -> None:
    spec.setdefault("ipv4Namespace", "default")
    spec.setdefault("vlanNamespace", "default")
    for subnet in spec["subnets"].values():
        network = IPv4Network(ip_interface(subnet["subnet"]).network)
        if not subnet.get("hostBGP"):
            subnet.setdefault("gateway", str(network[1]))
        if subnet.setdefault("dhcp", {}).get("enable"):
            _set_dhcp_defaults(subnet["dhcp"], network)


def _set_dhcp_defaults(dhcp: Spec, network: IPv4Network) -> None:
    pool = dhcp.setdefault("range", {})
    pool.setdefault("start", str(network[2]))
    pool.setdefault("end", str(network[-1]))
    if options := dhcp.get("options"):
        options.setdefault("interfaceMTU", 9036)
        options.setdefault("leaseTimeSeconds", 3600)
        for servers in ("dnsServers", "timeServers"):
            options[servers] = sorted(options.get(servers, ()))
    if leases := dhcp.get("static"):
        dhcp["static"] = {mac.lower(): lease for mac, lease in leases.items()}


def _set_vpc_attachment_defaults(spec: Spec) -> None:
    if "/" not in spec["subnet"]:
        spec["subnet"] += "/default"


def _set_external_defaults(spec: Spec) -> None:
    spec.setdefault("ipv4Namespace", "default")


def _set_external_attachment_defaults(spec: Spec) -> None:
    spec.setdefault("switch", {})
    spec.setdefault("neighbor", {})


def _set_external_peering_defaults(spec: Spec) -> None:
    spec["permit"]["vpc"]["subnets"].sort()
    spec["permit"]["external"]["prefixes"].sort(key=lambda prefix: prefix["prefix"])


_DEFAULTERS: dict[str, Callable[[Spec], None]] = {
    "Switch": _set_switch_defaults,
    "VLANNamespace": _set_vlan_namespace_defaults,
    "IPv4Namespace": _set_ipv4_namespace_defaults,
    "VPC": _set_vpc_defaults,
    "VPCAttachment": _set_vpc_attachment_defaults,
    "External": _set_external_defaults,
    "ExternalAttachment": _set_external_attachment_defaults,
    "ExternalPeering": _set_external_peering_defaults,
}
