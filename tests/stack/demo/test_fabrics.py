"""The sample fabrics could be built: references resolve, no port is used twice."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from ipaddress import IPv4Address, IPv4Network, ip_interface
from itertools import combinations
from typing import Any

import pytest

from fabrics.resources.manifests.files import DesiredState, build_desired_state, parse_manifests
from stack.demo.admission import admit
from stack.demo.fabrics import SAMPLE_FABRICS, SampleFabric
from stack.demo.hydration import hydrate
from stack.kubernetes.manifests import Manifest, iter_link_ends, read_manifests
from tests.support.paths import HEDGEHOG

PROFILES = HEDGEHOG / "samples/switchprofiles/switchprofiles.yaml"

every_fabric = pytest.mark.parametrize("fabric", SAMPLE_FABRICS, ids=lambda fabric: fabric.name)


class Objects:
    """The objects of one fabric by kind and name, as its API server would hold them."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.of_kind: dict[str, dict[str, Any]] = {}
        for manifest in manifests:
            specs = self.of_kind.setdefault(manifest["kind"], {})
            specs[manifest["metadata"]["name"]] = manifest["spec"]

    def __getitem__(self, kind: str) -> dict[str, Any]:
        return self.of_kind.get(kind, {})


@pytest.fixture(params=SAMPLE_FABRICS, ids=lambda fabric: fabric.name)
def objects(request: pytest.FixtureRequest) -> Objects:
    return Objects([admit(manifest) for manifest in hydrate(request.param.read_desired())])


@every_fabric
def test_sample_has_no_problems(fabric: SampleFabric) -> None:
    desired = read_like_a_sync(fabric)
    assert desired.problems == ()
    assert len(desired.resources) == len(fabric.read_desired()) >= 15


def read_like_a_sync(fabric: SampleFabric) -> DesiredState:
    files = sorted(fabric.directory.rglob("*.yaml"))
    return build_desired_state(
        parse_manifests(str(file.relative_to(fabric.directory)), file.read_bytes())
        for file in files
    )


def test_samples_have_all_common_connection_types() -> None:
    types = {name for fabric in SAMPLE_FABRICS for name in connection_types(fabric)}
    assert types >= {"fabric", "mesh", "unbundled", "bundled", "eslag", "external"}


def connection_types(fabric: SampleFabric) -> Iterator[str]:
    for manifest in fabric.read_desired():
        if manifest["kind"] == "Connection":
            yield from manifest["spec"]


def test_connections_end_on_existing_devices(objects: Objects) -> None:
    for name, spec in objects["Connection"].items():
        for role, port in iter_link_ends(spec):
            device = port.partition("/")[0]
            assert device in objects["Server" if role == "server" else "Switch"], f"{name}: {port}"


def test_no_port_is_used_twice(objects: Objects) -> None:
    ports = Counter(
        port for spec in objects["Connection"].values() for _, port in iter_link_ends(spec)
    )
    assert [port for port, uses in ports.items() if uses > 1] == []


def test_every_server_and_switch_is_connected(objects: Objects) -> None:
    connected = {
        port.partition("/")[0]
        for spec in objects["Connection"].values()
        for _, port in iter_link_ends(spec)
    }
    assert connected == {*objects["Server"], *objects["Switch"]}


@pytest.mark.skipif(not PROFILES.exists(), reason="needs the switch profiles of a real fabric")
def test_switch_profiles_have_the_used_ports(objects: Objects) -> None:
    for spec in objects["Connection"].values():
        for role, port in iter_link_ends(spec):
            if role != "server":
                switch, _, number = port.partition("/")
                assert number in set(ports_of(objects["Switch"][switch])), port


def ports_of(switch: dict[str, Any]) -> Iterator[str]:
    """Yield the ports of a switch; the lanes of a breakout replace its port."""
    breakouts = switch.get("portBreakouts", {})
    for port in profiles()[switch["profile"]]["ports"]:
        lanes = int(breakouts[port].partition("x")[0]) if port in breakouts else 1
        yield from (f"{port}/{lane}" for lane in range(1, lanes + 1)) if lanes > 1 else (port,)


@cache
def profiles() -> dict[str, Any]:
    return {profile["metadata"]["name"]: profile["spec"] for profile in read_manifests(PROFILES)}


def test_fabric_link_ends_are_in_one_network(objects: Objects) -> None:
    links = [
        link
        for spec in objects["Connection"].values()
        for link in spec.get("fabric", {}).get("links", ())
    ]
    addresses = [ip_interface(end["ip"]) for link in links for end in link.values()]
    assert len(set(addresses)) == len(addresses)
    for link in links:
        assert ip_interface(link["spine"]["ip"]).network == ip_interface(link["leaf"]["ip"]).network


def test_switch_addresses_and_asns_are_unique(objects: Objects) -> None:
    for field in ("ip", "protocolIP", "vtepIP"):
        values = [spec[field] for spec in objects["Switch"].values() if field in spec]
        assert len(set(values)) == len(values), field
    asns = [spec["asn"] for spec in objects["Switch"].values() if spec["role"] != "spine"]
    assert len(set(asns)) == len(asns)


def test_eslag_spans_two_switches_of_one_group(objects: Objects) -> None:
    eslags = [spec["eslag"]["links"] for spec in objects["Connection"].values() if "eslag" in spec]
    assert eslags
    for links in eslags:
        switches = [link["switch"]["port"].partition("/")[0] for link in links]
        groups = {objects["Switch"][switch]["redundancy"]["group"] for switch in switches}
        assert len(set(switches)) == 2
        assert len(groups) == 1
        assert groups <= set(objects["SwitchGroup"])


def test_attachments_join_a_subnet_and_a_server_connection(objects: Objects) -> None:
    for name, spec in objects["VPCAttachment"].items():
        vpc, subnet = spec["subnet"].split("/")
        assert subnet in objects["VPC"][vpc]["subnets"], name
        (connection_type,) = objects["Connection"][spec["connection"]]
        assert connection_type in {"unbundled", "bundled", "eslag"}, name


def test_subnets_are_in_the_namespace_and_do_not_overlap(objects: Objects) -> None:
    pools = [IPv4Network(pool) for pool in objects["IPv4Namespace"]["default"]["subnets"]]
    networks = [IPv4Network(subnet["subnet"]) for subnet in subnets(objects)]
    for network in networks:
        assert any(network.subnet_of(pool) for pool in pools), network
    assert not [pair for pair in combinations(networks, 2) if pair[0].overlaps(pair[1])]


def subnets(objects: Objects) -> Iterator[dict[str, Any]]:
    for vpc in objects["VPC"].values():
        yield from vpc["subnets"].values()


def test_vlans_are_in_the_namespace_and_unique(objects: Objects) -> None:
    ranges = objects["VLANNamespace"]["default"]["ranges"]
    vlans = [subnet["vlan"] for subnet in subnets(objects)]
    assert len(set(vlans)) == len(vlans)
    assert all(
        any(allowed["from"] <= vlan <= allowed["to"] for allowed in ranges) for vlan in vlans
    )


def test_dhcp_pools_and_leases_are_in_the_subnet(objects: Objects) -> None:
    for subnet in subnets(objects):
        network, pool = IPv4Network(subnet["subnet"]), subnet["dhcp"].get("range", {})
        leases = subnet["dhcp"].get("static", {}).values()
        assert all(IPv4Address(lease["ip"]) in network for lease in leases)
        if pool:
            start, end = IPv4Address(pool["start"]), IPv4Address(pool["end"])
            assert IPv4Address(subnet["gateway"]) < start < end <= network.broadcast_address


def test_peerings_join_existing_objects(objects: Objects) -> None:
    for spec in objects["VPCPeering"].values():
        for name, side in spec["permit"][0].items():
            assert set(side.get("subnets", ())) <= set(objects["VPC"][name]["subnets"])
    for spec in objects["ExternalPeering"].values():
        vpc, external = spec["permit"]["vpc"], spec["permit"]["external"]
        assert set(vpc["subnets"]) <= set(objects["VPC"][vpc["name"]]["subnets"])
        assert external["name"] in objects["External"]


def test_external_attachments_use_external_connections(objects: Objects) -> None:
    for spec in objects["ExternalAttachment"].values():
        assert spec["external"] in objects["External"]
        assert "external" in objects["Connection"][spec["connection"]]


def test_names_have_at_most_11_characters(objects: Objects) -> None:
    for kind in ("VPC", "External", "IPv4Namespace", "VLANNamespace"):
        assert [name for name in objects[kind] if len(name) > 11] == []
