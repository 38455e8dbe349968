"""Where an object is in the fabric: `spec.topology`, new after Hedgehog 26.03.

A webhook fills in what is not stated, and labels the object with its fabric and domains.

Source: https://github.com/githedgehog/fabric, the `Default()` methods under `api/` after v0.129.4.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Final

from stack.kubernetes.manifests import Manifest, Spec

LABEL_DOMAIN: Final = "fabric.githedgehog.com"

type Labels = dict[str, str]

_FABRIC: Final[Spec] = {"fabric": "default"}
_FABRIC_AND_DOMAIN: Final[Spec] = _FABRIC | {"domain": "default"}
_FABRIC_AND_DOMAINS: Final[Spec] = _FABRIC | {"domains": ["default"]}

DEFAULT_TOPOLOGY: Final[Mapping[str, Spec]] = {
    "Connection": _FABRIC,
    "SwitchGroup": _FABRIC,
    "IPv4Namespace": _FABRIC,
    "VPCAttachment": _FABRIC,
    "VPCPeering": _FABRIC,
    "ExternalAttachment": _FABRIC,
    "ExternalPeering": _FABRIC,
    "GatewayPeering": _FABRIC,
    "External": _FABRIC_AND_DOMAIN,
    "Gateway": _FABRIC_AND_DOMAIN,
    "GatewayGroup": _FABRIC_AND_DOMAIN,
    "VPCInterconnect": _FABRIC_AND_DOMAIN,
    "Switch": _FABRIC_AND_DOMAINS,
    "VPC": _FABRIC_AND_DOMAINS,
}
"""By kind. A Server, a VLANNamespace and a Fabric are in no fabric."""


def add_topology(manifest: Manifest) -> Manifest:
    """Return the object that a webhook of the next release makes of `manifest`."""
    admitted = deepcopy(manifest)
    if defaults := DEFAULT_TOPOLOGY.get(admitted["kind"]):
        spec = admitted["spec"] = admitted.get("spec") or {}
        spec["topology"] = _complete(spec.get("topology") or {}, defaults)
        _relabel(admitted["metadata"], _make_topology_labels(spec["topology"]))
    if admitted["kind"] == "VPCInterconnect":
        _set_interconnect_defaults(admitted["spec"])
        _relabel(admitted["metadata"], _make_interconnect_labels(admitted["spec"]))
    return admitted


def make_membership_labels(prefix: str, names: Iterable[str]) -> Labels:
    """Return the labels by which objects that refer to one of `names` are listed."""
    return {f"{prefix}.{LABEL_DOMAIN}/{name}": "true" for name in names}


def _complete(stated: Spec, defaults: Spec) -> Spec:
    topology = deepcopy(defaults) | {part: value for part, value in stated.items() if value}
    if "domains" in topology:
        topology["domains"] = sorted(topology["domains"])
    return topology


def _relabel(metadata: Spec, labels: Labels) -> None:
    """Replace the labels that have the prefixes of `labels`."""
    prefixes = {label.partition("/")[0] for label in labels}
    kept = {
        label: value
        for label, value in metadata.get("labels", {}).items()
        if label.partition("/")[0] not in prefixes
    }
    metadata["labels"] = kept | labels


def _make_topology_labels(topology: Spec) -> Labels:
    domain = [topology["domain"]] if "domain" in topology else []
    return {
        **make_membership_labels("fabric", [topology["fabric"]]),
        **make_membership_labels("domain", topology.get("domains", domain)),
    }


def _set_interconnect_defaults(spec: Spec) -> None:
    spec.setdefault("ipv4Namespace", "default")
    for vpc in spec.get("local", {}).values():
        vpc.get("subnets", []).sort()
    spec.get("remote", {}).get("prefixes", []).sort()


def _make_interconnect_labels(spec: Spec) -> Labels:
    connections = (link["connection"] for link in spec.get("links", ()))
    return {
        f"{LABEL_DOMAIN}/ipv4ns": spec["ipv4Namespace"],
        **make_membership_labels("vpc", spec.get("local", ())),
        **make_membership_labels("connection", connections),
    }
