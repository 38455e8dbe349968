"""The addresses and ASNs that Hedgehog's installer assigns to switches and links.

Source: https://github.com/githedgehog/fabricator, `pkg/hhfab/hydrate.go` in release 26.03.0.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from ipaddress import IPv4Address
from itertools import count

from stack.kubernetes.manifests import Manifest, Spec

FIRST_MANAGEMENT_IP, FIRST_PROTOCOL_IP = IPv4Address("172.30.0.5"), IPv4Address("172.30.8.0")
FIRST_VTEP_IP, FIRST_LINK_IP = IPv4Address("172.30.12.0"), IPv4Address("172.30.128.0")
SPINE_ASN, FIRST_LEAF_ASN = 65100, 65101


def hydrate(manifests: Iterable[Manifest]) -> list[Manifest]:
    """Return one fabric's manifests, with addresses and ASNs where they have none."""
    hydrated = sorted(deepcopy(list(manifests)), key=lambda manifest: manifest["metadata"]["name"])
    _number_switches([manifest["spec"] for manifest in hydrated if manifest["kind"] == "Switch"])
    _number_links(hydrated)
    return hydrated


def _number_switches(switches: list[Spec]) -> None:
    spines = [switch for switch in switches if switch["role"] == "spine"]
    leaves = [switch for switch in switches if switch["role"] != "spine"]
    for number, switch in enumerate(spines + leaves):
        switch.setdefault("ip", f"{FIRST_MANAGEMENT_IP + number}/21")
        switch.setdefault("protocolIP", f"{FIRST_PROTOCOL_IP + number}/32")
    for spine in spines:
        spine.setdefault("asn", SPINE_ASN)
    for number, leaf in enumerate(leaves):
        leaf.setdefault("asn", FIRST_LEAF_ASN + number)
        leaf.setdefault("vtepIP", f"{FIRST_VTEP_IP + number}/32")


def _number_links(manifests: list[Manifest]) -> None:
    addresses = (f"{FIRST_LINK_IP + number}/31" for number in count())
    for link in _iter_fabric_links(manifests):
        link["spine"].setdefault("ip", next(addresses))
        link["leaf"].setdefault("ip", next(addresses))


def _iter_fabric_links(manifests: list[Manifest]) -> Iterator[Spec]:
    for manifest in manifests:
        if manifest["kind"] == "Connection":
            yield from manifest["spec"].get("fabric", {}).get("links", ())
