"""Generated fabrics: valid, with objects of every kind, reproducible by a seed."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, product
from random import Random
from typing import Any

from tests.support.inventory.expected_inventory import Manifest

WIRING, VPC, GATEWAY = "wiring", "vpc", "gateway"
DIVISIBLE = {"celestica-ds3000": "E1/32", "dell-s5248f-on": "E1/55"}
"""A port that may be divided, by the profile of the switch."""

SERVER_TYPES = ("unbundled", "bundled", "mclag", "eslag")


@dataclass
class SampleFabricBuilder:
    """The objects of a fabric so far; all random choices are drawn from `random`."""

    random: Random
    items: list[Manifest] = field(default_factory=list)
    ports: dict[str, Iterator[int]] = field(default_factory=lambda: defaultdict(lambda: count(1)))
    lanes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    hosts: Iterator[int] = field(default_factory=lambda: count(0))
    untagged: set[str] = field(default_factory=set)

    def add(self, group: str, kind: str, name: str, spec: Any) -> str:  # noqa: ANN401  as YAML has it
        version = "v1alpha1" if group == GATEWAY else "v1beta1"
        metadata = {"name": name, "namespace": "default"}
        api = f"{group}.githedgehog.com/{version}"
        self.items.append({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})
        return name

    def connect(
        self, name: str, kind: str, *links: Manifest, single: bool = False, **stated: object
    ) -> str:
        body = {"link": links[0]} if single else {"links": list(links)}
        return self.add(WIRING, "Connection", name, {kind: body | stated})

    def chance(self) -> bool:
        return self.random.random() < 0.5

    def port(self, device: str, form: str = "E1/{}") -> str:
        """Return an unused port; of a switch, under one of its two names, or a lane."""
        if self.lanes[device] and self.chance():
            return f"{device}/{self.lanes[device].pop()}"
        name = form.format(next(self.ports[device]))
        alias = "/1" if form.startswith("E1") and self.chance() else ""
        return f"{device}/{name}{alias}"

    def link(self, ends: dict[str, str], *, routed: bool = False) -> Manifest:
        """Return a link between these ports; a routed link has /31 addresses."""
        pair = next(self.hosts) * 2
        return {
            end: {"port": port} | ({"ip": f"172.30.128.{pair + place}/31"} if routed else {})
            for place, (end, port) in enumerate(ends.items())
        }


def sample_objects(seed: int) -> list[Manifest]:
    """Return the live objects of a fabric, some 40 of them."""
    fabric = SampleFabricBuilder(Random(seed))
    spines, leaves = _switches(fabric)
    _gateway(fabric, spines)
    servers = _servers(fabric, leaves)
    vpcs = _vpcs(fabric)
    _attachments(fabric, servers, vpcs)
    _host_bgp(fabric, servers[0])
    _externals(fabric, leaves, sorted({vpc for vpc, _ in vpcs}))
    _static_externals(fabric, leaves)
    _between_leaves(fabric, leaves)
    fabric.random.shuffle(fabric.items)
    return fabric.items


def _switches(fabric: SampleFabricBuilder) -> tuple[list[str], list[str]]:
    random = fabric.random
    names = [f"spine-{n}" for n in range(random.randint(1, 2))]
    leaves = [f"leaf-{n}" for n in range(random.randint(2, 4))]
    for number, name in enumerate([*names, *leaves]):
        is_leaf = name in leaves
        spec: Manifest = {
            "role": "server-leaf" if is_leaf else "spine",
            "profile": random.choice(sorted(DIVISIBLE)),
            "asn": 65100 + number,
            "ip": f"172.30.0.{number + 5}/21",
            "protocolIP": f"172.30.8.{number}/32",
            "boot": {"mac": f"0c:20:12:fe:00:{number:02x}", "serial": f"CN{number}"},
            "description": random.choice(["", f"Rack {number}"]),
        }
        if is_leaf:
            spec["vtepIP"] = f"172.30.12.{number}/32"
        if fabric.chance():
            port, lanes = DIVISIBLE[spec["profile"]], random.choice([1, 2, 4])
            spec["portBreakouts"] = {port: f"{lanes}x{100 // lanes}G"}
            fabric.lanes[name] = [f"{port}/{lane + 1}" for lane in range(lanes) if lanes > 1]
        fabric.add(WIRING, "Switch", name, spec)
    for spine, leaf in product(names, leaves):
        links = [
            fabric.link({"spine": fabric.port(spine), "leaf": fabric.port(leaf)}, routed=True)
            for _ in range(random.randint(1, 2))
        ]
        fabric.connect(f"{spine}--fabric--{leaf}", "fabric", *links)
    if fabric.chance():
        ends = {"leaf1": fabric.port(leaves[0]), "leaf2": fabric.port(leaves[1])}
        fabric.connect("mesh", "mesh", fabric.link(ends, routed=True))
    return names, leaves


def _gateway(fabric: SampleFabricBuilder, spines: list[str]) -> None:
    if not fabric.chance():
        return
    spec = {
        "protocolIP": "172.30.8.200/32",
        "vtepIP": "172.30.12.200/32",
        "vtepMAC": "ca:fe:ba:be:01:01",
        "interfaces": {"enp2s9": {"ips": ["172.31.0.1/31"], "mtu": 9036}},
    }
    fabric.add(GATEWAY, "Gateway", "gateway-1", spec)
    for number, spine in enumerate(spines):
        ends = {"switch": fabric.port(spine), "gateway": f"gateway-1/enp2s{number}"}
        fabric.connect(f"{spine}--gateway", "gateway", fabric.link(ends, routed=True))


def _servers(fabric: SampleFabricBuilder, leaves: list[str]) -> list[str]:
    """Add servers; return their connections, of every type in turn."""
    connections = []
    for number in range(fabric.random.randint(4, 7)):
        name = fabric.add(WIRING, "Server", f"server-{number}", {})
        kind = SERVER_TYPES[number % len(SERVER_TYPES)]
        first, second = fabric.random.sample(leaves, 2)
        switches = {"unbundled": [first], "bundled": [first, first]}.get(kind, [first, second])
        links = [
            fabric.link({"server": fabric.port(name, "eth{}"), "switch": fabric.port(switch)})
            for switch in switches
        ]
        title, mtu = f"{name}--{kind}--{first}", {"mtu": 9036} if fabric.chance() else {}
        single = kind == "unbundled"
        connections.append(fabric.connect(title, kind, *links, single=single, **mtu))
    return connections


def _vpcs(fabric: SampleFabricBuilder) -> list[tuple[str, str]]:
    """Add VPCs; return their subnets by VPC and name."""
    fabric.add(WIRING, "VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]})
    fabric.add(VPC, "IPv4Namespace", "default", {"subnets": ["10.0.0.0/16", "10.7.0.0/16"]})
    subnet_names, networks, vlans = [], count(1), count(1001)
    for vpc in range(fabric.random.randint(2, 4)):
        subnets: Manifest = {}
        for name in fabric.random.sample(
            ["default", "gpu", "storage"], fabric.random.randint(1, 3)
        ):
            number = next(networks)
            subnets[name] = {"subnet": f"10.0.{number}.0/24", "gateway": f"10.0.{number}.1"}
            subnets[name]["vlan"] = next(vlans)
            subnet_names.append((f"vpc-{vpc}", name))
            if fabric.chance():
                end = fabric.random.choice([99, 255])
                pool = {"start": f"10.0.{number}.10", "end": f"10.0.{number}.{end}"}
                lease = {"3c:fd:fe:c8:41:10": {"ip": f"10.0.{number}.5"}}
                subnets[name]["dhcp"] = {"enable": True, "range": pool, "static": lease}
        spec = {"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": subnets}
        fabric.add(VPC, "VPC", f"vpc-{vpc}", spec)
    permit: Manifest = {"vpc-0": {"subnets": []}, "vpc-1": {}}
    fabric.add(VPC, "VPCPeering", "vpc-0--vpc-1", {"permit": [permit]})
    return subnet_names


def _attachments(
    fabric: SampleFabricBuilder, servers: list[str], subnets: list[tuple[str, str]]
) -> None:
    for server, (vpc, subnet) in product(servers, subnets):
        if not fabric.chance():
            continue
        native = server not in fabric.untagged and fabric.chance()
        if native:
            fabric.untagged.add(server)
        spec = {"subnet": f"{vpc}/{subnet}", "connection": server, "nativeVLAN": native}
        fabric.add(VPC, "VPCAttachment", f"{vpc}--{subnet}--{server}"[:250], spec)


def _host_bgp(fabric: SampleFabricBuilder, server: str) -> None:
    """Add a VPC whose servers announce addresses by BGP, on ports without a VLAN."""
    subnets = {"default": {"subnet": "10.0.200.0/24", "hostBGP": True}}
    spec = {"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": subnets}
    fabric.add(VPC, "VPC", "vpc-bgp", spec)
    attached = {"subnet": "vpc-bgp/default", "connection": server}
    fabric.add(VPC, "VPCAttachment", "vpc-bgp--server", attached)


def _externals(fabric: SampleFabricBuilder, leaves: list[str], vpcs: list[str]) -> None:
    for number in range(fabric.random.randint(0, 2)):
        name = f"ext-{number}"
        static = {"static": {"prefixes": ["203.0.113.0/24"]}} if fabric.chance() else {}
        fabric.add(VPC, "External", name, {"ipv4Namespace": "default", **static})
        link = fabric.link({"switch": fabric.port(leaves[number])})
        connection = fabric.connect(f"external-{number}", "external", link, single=True)
        switch = {"vlan": 100 + number, "ip": f"198.51.100.{number * 4 + 1}/30"}
        bgp = {"neighbor": {"asn": 64512, "ip": f"198.51.100.{number * 4 + 2}"}}
        spec = {"external": name, "connection": connection, "switch": switch, **bgp}
        fabric.add(VPC, "ExternalAttachment", f"{name}--{connection}", spec)
        permit = {"vpc": {"name": vpcs[0], "subnets": []}, "external": {"name": name}}
        fabric.add(VPC, "ExternalPeering", f"{vpcs[0]}--{name}", {"permit": permit})


def _static_externals(fabric: SampleFabricBuilder, leaves: list[str]) -> None:
    """Add static externals in a VPC and in the fabric, with and without a VLAN."""
    for number, (within, vlan) in enumerate(product(("vpc-0", ""), (300, 0))):
        link = fabric.link({"switch": fabric.port(leaves[number % 2])})
        address = {"ip": f"192.0.2.{number * 4 + 1}/30", "nextHop": f"192.0.2.{number * 4 + 2}"}
        link["switch"] |= address | {"subnets": [f"198.18.{number}.0/24"]}
        if vlan:
            link["switch"]["vlan"] = vlan
        stated = {"withinVPC": within} if within else {}
        fabric.connect(f"static-{number}", "staticExternal", link, single=True, **stated)


def _between_leaves(fabric: SampleFabricBuilder, leaves: list[str]) -> None:
    """Add connections of older fabrics: between two switches, and within one."""
    first, second = leaves[:2]
    ends = [{"switch1": first, "switch2": second}] * 2 + [{"switch1": first, "switch2": first}] * 2
    peer, session, *loops = (
        fabric.link({end: fabric.port(leaf) for end, leaf in switches.items()}) for switches in ends
    )
    domain = {"mclagDomain": {"peerLinks": [peer], "sessionLinks": [session]}}
    fabric.add(WIRING, "Connection", f"{first}--mclag-domain--{second}", domain)
    fabric.connect(f"{first}--vpc-loopback", "vpcLoopback", *loops)
