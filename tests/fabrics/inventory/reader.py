"""What NetBox should hold of a fabric, counted from its manifests in another way than the plan does.

Nothing of the plan's code is used. Each function walks the raw objects once for one question, and knows
only the sets under test: no malformed objects, one namespace, no switch profiles.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from typing import Any, NamedTuple

type Manifest = dict[str, Any]
type PortOf = tuple[str, str]


class Membership(NamedTuple):
    """The VLANs of an interface by number."""

    untagged: int | None
    tagged: frozenset[int]


BUNDLES = ("bundled", "mclag", "eslag")


class Reader:
    """The objects of one live set by kind and name."""

    def __init__(self, items: list[Manifest]) -> None:
        self.of: dict[str, dict[str, Manifest]] = defaultdict(dict)
        for item in items:
            self.of[item["kind"]][item["metadata"]["name"]] = item.get("spec") or {}

    def counts(self) -> dict[str, int]:
        """How many objects of each of NetBox's models belong to the fabric alone, which has its own site."""
        return {
            "dcim.site": 1,
            "ipam.vrf": len(self.vrfs()),
            "ipam.vlangroup": len(self.of["VLANNamespace"]),
            "ipam.vlan": len(self.vlans()),
            "dcim.device": len(self.devices()),
            "dcim.interface": len(self.interfaces()),
            "dcim.macaddress": len(self.macs()),
            "ipam.prefix": len(self.prefixes()),
            "ipam.iprange": len(self.ranges()),
            "ipam.ipaddress": len(self.addresses()),
            "dcim.cable": len(self.cables()),
        }

    def devices(self) -> dict[str, str]:
        """Roles by name."""
        switches = {name: f"hh-{spec['role']}" for name, spec in self.of["Switch"].items()}
        servers = dict.fromkeys(self.of["Server"], "hh-server")
        return switches | servers | dict.fromkeys(self.of["Gateway"], "hh-gateway")

    def port(self, full: str) -> PortOf:
        """`leaf-01/E1/5/1` is port E1/5 of leaf-01, unless leaf-01 has divided E1/5."""
        device, port = full.split("/", 1)
        steps = port.split("/")
        divided = self.lanes(device, "/".join(steps[:2])) > 1
        if len(steps) == 3 and steps[2] == "1" and not divided:
            return device, "/".join(steps[:2])
        if len(steps) == 2 and divided:
            return device, f"{port}/1"
        return device, port

    def lanes(self, device: str, port: str) -> int:
        mode = self.of["Switch"].get(device, {}).get("portBreakouts", {}).get(port, "1x")
        return int(mode.split("x")[0])

    def links(self) -> Iterator[tuple[str, str, list[Manifest]]]:
        """Type, connection and the ends of every link."""
        for name, spec in self.of["Connection"].items():
            for kind, body in spec.items():
                links = [body["link"]] if "link" in body else []
                for listed in ("links", "peerLinks", "sessionLinks"):
                    links += body.get(listed, [])
                for link in links:
                    yield kind, name, list(link.values())

    def cables(self) -> dict[frozenset[PortOf], str]:
        """The connection of every pair of ports."""
        return {
            frozenset(self.port(end["port"]) for end in ends): name
            for _, name, ends in self.links()
            if len(ends) == 2
        }

    def members(self) -> dict[PortOf, str]:
        """The connection that a port is bundled in."""
        return {
            self.port(end["port"]): name
            for kind, name, ends in self.links()
            if kind in BUNDLES
            for end in ends
        }

    def outward(self) -> set[PortOf]:
        """The ports that lead out of the fabric."""
        return {self.port(ends[0]["port"]) for _, _, ends in self.links() if len(ends) == 1}

    def subinterfaces(self) -> dict[PortOf, str]:
        """The external behind every subinterface."""
        found = {}
        for spec in self.of["ExternalAttachment"].values():
            own = spec.get("static") or spec["switch"]
            link = self.of["Connection"][spec["connection"]]["external"]["link"]
            device, port = self.port(link["switch"]["port"])
            if own.get("vlan"):
                found[device, f"{port}.{own['vlan']}"] = spec["external"]
        return found

    def interfaces(self) -> set[PortOf]:
        """Every interface, LAGs by the name of their connection."""
        found = {port for pair in self.cables() for port in pair} | self.outward()
        found |= {(device, name) for (device, _), name in self.members().items()}
        found |= set(self.subinterfaces())
        for name, spec in self.of["Switch"].items():
            found.add((name, "M1"))
            for port in spec.get("portBreakouts", {}):
                count = self.lanes(name, port)
                found |= {
                    (name, f"{port}/{lane + 1}" if count > 1 else port) for lane in range(count)
                }
        for name, spec in self.of["Gateway"].items():
            found |= {(name, port) for port in spec["interfaces"]}
        return found | {(device, port) for _, _, device, port in self.loopbacks()}

    def loopbacks(self) -> Iterator[tuple[str, str, str, str]]:
        """VRF, address, device and interface."""
        names = {
            "Switch": (("protocolIP", "Loopback1"), ("vtepIP", "Loopback2")),
            "Gateway": (("protocolIP", "lo"), ("vtepIP", "vtep")),
        }
        for kind, loopbacks in names.items():
            for name, spec in self.of[kind].items():
                for field, port in loopbacks:
                    if spec.get(field):
                        yield "underlay", spec[field], name, port

    def macs(self) -> dict[PortOf, str]:
        """The MAC addresses of management ports and of the VTEPs of gateways."""
        boots = {name: spec.get("boot", {}) for name, spec in self.of["Switch"].items()}
        found = {(name, "M1"): boot["mac"] for name, boot in boots.items() if boot.get("mac")}
        for name, spec in self.of["Gateway"].items():
            if spec.get("vtepMAC"):
                found[name, "vtep"] = spec["vtepMAC"]
        return {port: mac.upper() for port, mac in found.items()}

    def primary_addresses(self) -> dict[str, str]:
        """The addresses by which switches are managed."""
        return {name: spec["ip"] for name, spec in self.of["Switch"].items() if spec.get("ip")}

    def addresses(self) -> set[tuple[str, str, str, str]]:
        """VRF, address, device and interface; the last two are empty where it is on none."""
        found = set(self.loopbacks())
        found |= {
            ("underlay", s["ip"], name, "M1")
            for name, s in self.of["Switch"].items()
            if s.get("ip")
        }
        for name, spec in self.of["Gateway"].items():
            for port, interface in spec["interfaces"].items():
                found |= {("underlay", ip, name, port) for ip in interface.get("ips", ())}
        for kind, _, ends in self.links():
            if kind in ("fabric", "mesh", "gateway"):
                found |= {
                    ("underlay", end["ip"], *self.port(end["port"])) for end in ends if "ip" in end
                }
        return found | self._of_subnets() | self._of_externals()

    def _of_subnets(self) -> set[tuple[str, str, str, str]]:
        found = set()
        for vpc, _, subnet in self.subnets():
            length = subnet["subnet"].split("/")[1]
            leases = subnet.get("dhcp", {}).get("static", {}).values()
            hosts = [subnet["gateway"]] if subnet.get("gateway") else []
            for host in [*hosts, *(lease["ip"] for lease in leases)]:
                found.add((f"vpc:{vpc}", f"{host}/{length}", "", ""))
        return found

    def _of_externals(self) -> set[tuple[str, str, str, str]]:
        found = set()
        for spec in self.of["ExternalAttachment"].values():
            own = spec.get("static") or spec["switch"]
            port = self.of["Connection"][spec["connection"]]["external"]["link"]["switch"]["port"]
            device, name = self.port(port)
            if own.get("ip"):
                found.add((f"ext:{spec['external']}", own["ip"], device, f"{name}.{own['vlan']}"))
        return found

    def subnets(self) -> Iterator[tuple[str, str, Manifest]]:
        for vpc, spec in self.of["VPC"].items():
            for name, subnet in spec["subnets"].items():
                yield vpc, name, subnet

    def prefixes(self) -> set[tuple[str, str]]:
        """VRF and network; the default route is none."""
        found = {
            (f"vpc:{vpc}", str(ip_interface(s["subnet"]).network)) for vpc, _, s in self.subnets()
        }
        for name, spec in self.of["IPv4Namespace"].items():
            found |= {(f"ipns:{name}", network) for network in spec["subnets"]}
        for name, spec in self.of["External"].items():
            prefixes = spec.get("static", {}).get("prefixes", ())
            found |= {(f"ext:{name}", each) for each in prefixes if each != "0.0.0.0/0"}
        return found

    def ranges(self) -> set[tuple[str, str, str]]:
        """VRF, first and last address; the broadcast address is no host's."""
        found = set()
        for vpc, _, subnet in self.subnets():
            if subnet.get("dhcp", {}).get("enable"):
                network, asked = ip_network(subnet["subnet"], strict=False), subnet["dhcp"]["range"]
                last = str(network[-2]) if asked["end"] == str(network[-1]) else asked["end"]
                length = network.prefixlen
                found.add((f"vpc:{vpc}", f"{asked['start']}/{length}", f"{last}/{length}"))
        return found

    def vrfs(self) -> set[str]:
        kinds = {"VPC": "vpc", "External": "ext", "IPv4Namespace": "ipns"}
        return {"underlay"} | {
            f"{short}:{name}" for kind, short in kinds.items() for name in self.of[kind]
        }

    def vlans(self) -> dict[tuple[str, int], str]:
        """The subnet of every VLAN in its namespace, of namespaces that are there."""
        return {
            (self.of["VPC"][vpc]["vlanNamespace"], subnet["vlan"]): f"{vpc}/{name}"
            for vpc, name, subnet in self.subnets()
            if subnet.get("vlan")
            and self.of["VPC"][vpc]["vlanNamespace"] in self.of["VLANNamespace"]
        }

    def memberships(self) -> dict[PortOf, Membership]:
        """The VLANs of every interface that has any: of LAGs, never of their members."""
        untagged: dict[PortOf, int] = {}
        tagged: dict[PortOf, set[int]] = defaultdict(set)
        for spec in self.of["VPCAttachment"].values():
            vpc, subnet = spec["subnet"].split("/")
            vid = self.of["VPC"][vpc]["subnets"][subnet]["vlan"]
            for place in self.places(spec["connection"]):
                if spec.get("nativeVLAN"):
                    untagged[place] = vid
                else:
                    tagged[place].add(vid)
        return {
            place: Membership(untagged.get(place), frozenset(tagged[place]))
            for place in {*untagged, *tagged}
        }

    def places(self, connection: str) -> Iterator[PortOf]:
        """Where the VLANs of a connection's servers are set; nowhere if it is not there."""
        for kind, body in self.of["Connection"].get(connection, {}).items():
            for link in body.get("links") or [body["link"]]:
                device, port = self.port(link["switch"]["port"])
                yield device, connection if kind in BUNDLES else port

    def peerings(self) -> dict[str, set[str]]:
        """The VRFs on which each peering is told, of those whose sides are all there."""
        found: dict[str, set[str]] = {}
        for name, spec in self.of["VPCPeering"].items():
            found[f"VPCPeering/default/{name}"] = {
                f"vpc:{vpc}" for each in spec["permit"] for vpc in each
            }
        for name, spec in self.of["ExternalPeering"].items():
            vpc, external = spec["permit"]["vpc"]["name"], spec["permit"]["external"]["name"]
            found[f"ExternalPeering/default/{name}"] = {f"vpc:{vpc}", f"ext:{external}"}
        for name, spec in self.of["GatewayPeering"].items():
            sides = {re.sub(r"^(?!ext\.)", "vpc:", side) for side in spec["peering"]}
            found[f"GatewayPeering/default/{name}"] = {
                re.sub(r"^ext\.", "ext:", side) for side in sides
            }
        return {key: sides for key, sides in found.items() if sides <= self.vrfs()}


def ports_of(switch: Manifest, profile: Manifest) -> set[str]:
    """The ports that a switch has by its profile, with lanes where they are divided."""
    found = set()
    for port, details in profile["ports"].items():
        default = profile["portProfiles"].get(details.get("profile"), {}).get("breakout", {})
        mode = switch.get("portBreakouts", {}).get(port, default.get("default", "1x"))
        lanes = int(mode.split("x")[0])
        found |= {f"{port}/{lane + 1}" for lane in range(lanes)} if lanes > 1 else {port}
    return found
