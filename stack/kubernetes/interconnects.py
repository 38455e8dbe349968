"""The objects that Hedgehog's controller makes of a VPCInterconnect.

Source: https://github.com/githedgehog/fabric, the VPCInterconnect's reconciler under `pkg/ctrl`.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Final

from fabrics.resources.kinds import VPC_GROUP, get_kind
from stack.kubernetes.emulated_objects import EmulatedObjects, Write
from stack.kubernetes.manifests import Manifest, Spec
from stack.kubernetes.releases import VPC_INTERCONNECT, get_served_kind
from stack.kubernetes.topology import LABEL_DOMAIN

OWNED_KINDS: Final = tuple(map(get_kind, ("External", "ExternalAttachment", "ExternalPeering")))

_OUTBOUND_COMMUNITY: Final = "50000:100"
"""A real one has the VNI of the External as its second number."""


class InterconnectController:
    """Keeps the owned objects of each VPCInterconnect as it specifies them."""

    def __init__(self, objects: EmulatedObjects) -> None:
        self._objects = objects

    def observe(self, write: Write) -> None:
        """Write and delete owned objects after a change of a VPCInterconnect."""
        owner = write.after or write.before
        if write.kind != VPC_INTERCONNECT or owner is None:
            return
        wanted = make_owned_objects(owner) if write.after else []
        names = {(item["kind"], item["metadata"]["name"]) for item in wanted}
        for item in wanted:
            self._objects.apply(get_served_kind(item), item)
        for item in self._list_owned(owner):
            name = item["metadata"]["name"]
            if (item["kind"], name) not in names:
                self._objects.remove(get_served_kind(item), item["metadata"]["namespace"], name)

    def _list_owned(self, owner: Manifest) -> list[Manifest]:
        items = (item for kind in OWNED_KINDS for item in self._objects.iter_items(kind))
        return [item for item in items if _is_owned_by(item, owner)]


def make_owned_objects(interconnect: Manifest) -> list[Manifest]:
    """Return one External, an attachment for each link and a peering for each VPC."""
    return [
        _make_external(interconnect),
        *_iter_attachments(interconnect),
        *_iter_peerings(interconnect),
    ]


def _make_external(interconnect: Manifest) -> Manifest:
    spec = interconnect["spec"]
    external = {
        "topology": deepcopy(spec["topology"]),
        "ipv4Namespace": spec["ipv4Namespace"],
        "outboundCommunity": _OUTBOUND_COMMUNITY,
    }
    labels = {"ipv4ns": spec["ipv4Namespace"]}
    return _make_owned(interconnect, "External", _name(interconnect), external, labels)


def _iter_attachments(interconnect: Manifest) -> Iterator[Manifest]:
    for link in interconnect["spec"]["links"]:
        attachment = {
            "topology": _fabric_of(interconnect),
            "external": _name(interconnect),
            "connection": link["connection"],
            "switch": {key: link[key] for key in ("vlan",) if key in link},
            "neighbor": {"asn": link["remoteASN"]} if "remoteASN" in link else {},
            **{key: deepcopy(link[key]) for key in ("bfd", "inboundACL") if key in link},
        }
        name = f"{_name(interconnect)}--{link['connection']}--{link.get('vlan', 0)}"
        labels = {"external": _name(interconnect), "connection": link["connection"]}
        yield _make_owned(interconnect, "ExternalAttachment", name, attachment, labels)


def _iter_peerings(interconnect: Manifest) -> Iterator[Manifest]:
    external = _name(interconnect)
    prefixes = [{"prefix": prefix} for prefix in interconnect["spec"]["remote"]["prefixes"]]
    for vpc, local in interconnect["spec"]["local"].items():
        permit = {
            "vpc": {"name": vpc, "subnets": list(local["subnets"])},
            "external": {"name": external, "prefixes": deepcopy(prefixes)},
        }
        peering = {"topology": _fabric_of(interconnect), "permit": permit}
        labels = {"external": external, "vpc": vpc}
        yield _make_owned(interconnect, "ExternalPeering", f"{external}--{vpc}", peering, labels)


def _make_owned(
    owner: Manifest, kind: str, name: str, spec: Spec, labels: dict[str, str]
) -> Manifest:
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": _name(owner),
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    metadata = {
        "name": name,
        "namespace": owner["metadata"]["namespace"],
        "labels": {f"{LABEL_DOMAIN}/{label}": value for label, value in labels.items()},
        "ownerReferences": [reference],
    }
    api_version = f"{VPC_GROUP}/v1beta1"
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _name(interconnect: Manifest) -> str:
    return str(interconnect["metadata"]["name"])


def _fabric_of(interconnect: Manifest) -> Spec:
    return {"fabric": interconnect["spec"]["topology"]["fabric"]}


def _is_owned_by(manifest: Manifest, owner: Manifest) -> bool:
    references = manifest["metadata"].get("ownerReferences", ())
    return any(reference["uid"] == owner["metadata"]["uid"] for reference in references)
