"""The expected inventory of a fabric, derived from manifests without the plan.

Every method computes one view from the raw objects. It supports only the sets under test: valid objects in
one namespace, without switch profiles.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from ipaddress import ip_interface, ip_network
from typing import Any, NamedTuple

type Manifest = dict[str, Any]
type PortOf = tuple[str, str]
"""Device and port, by name."""


class Membership(NamedTuple):
    """The VLANs of an interface by number."""

    untagged: int | None
    tagged: frozenset[int]


class Hardware(NamedTuple):
    """The hardware of a device; `type` and `platform` are slugs."""

    type: str
    serial: str = ""
    platform: str = ""
    status: str = "active"


type Address = tuple[str, str, str, str]
"""VRF, address, device and interface; the last two are empty if it is on no interface."""

BUNDLES = ("bundled", "mclag", "eslag")
TYPES = {
    "100G": ("100gbase-x-qsfp28", 100_000_000),
    "50G": ("50gbase-x-sfp56", 50_000_000),
    "25G": ("25gbase-x-sfp28", 25_000_000),
}
"""NetBox's type and the speed in kbit/s of lanes."""


class Reader:
    """The objects of one live set by kind and name."""

    def __init__(self, items: list[Manifest]) -> None:
        self.of: dict[str, dict[str, Manifest]] = defaultdict(dict)
        for item in items:
            spec = {n: value for n, value in item.get("spec", {}).items() if n != "topology"}
            self.of[item["kind"]][item["metadata"]["name"]] = spec

    def counts(self) -> dict[str, int]:
        """The number of the fabric's objects by model, with its own site.

        There are no transceivers: only switches tell them.
        """
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
            "dcim.modulebay": 0,
            "dcim.module": 0,
        }

    def devices(self) -> dict[str, str]:
        """The roles of devices by name."""
        switches = {name: f"hh-{spec['role']}" for name, spec in self.of["Switch"].items()}
        servers = dict.fromkeys(self.of["Server"], "hh-server")
        return switches | servers | dict.fromkeys(self.of["Gateway"], "hh-gateway")

    def hardware(self) -> dict[str, Hardware]:
        """The hardware of devices by name. Without profiles the platform is unknown."""
        switches = {
            name: Hardware(spec["profile"], spec.get("boot", {}).get("serial", ""))
            for name, spec in self.of["Switch"].items()
        }
        servers = dict.fromkeys(self.of["Server"], Hardware("hedgehog-server"))
        return switches | servers | dict.fromkeys(self.of["Gateway"], Hardware("hedgehog-gateway"))

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

    def speeds(self) -> dict[PortOf, tuple[str, int]]:
        """Type and speed of the ports with a configured breakout."""
        speeds: dict[PortOf, tuple[str, int]] = {}
        for device, spec in self.of["Switch"].items():
            for port, mode in spec.get("portBreakouts", {}).items():
                lanes, speed = int(mode.split("x")[0]), TYPES[mode.split("x")[1]]
                names = [f"{port}/{n + 1}" for n in range(lanes)] if lanes > 1 else [port]
                speeds |= {(device, name): speed for name in names}
        return speeds

    def links(self) -> Iterator[tuple[str, str, list[Manifest]]]:
        """Connection type, connection name and the ends of every link."""
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
        """The connection of every port that is a LAG member."""
        return {
            self.port(end["port"]): name
            for kind, name, ends in self.links()
            if kind in BUNDLES
            for end in ends
        }

    def external_ports(self) -> set[PortOf]:
        """The ports that lead out of the fabric."""
        return {self.port(ends[0]["port"]) for _, _, ends in self.links() if len(ends) == 1}

    def routed(self) -> dict[PortOf, str]:
        """The VRFs of ports that have one, and of subinterfaces, empty if without."""
        vrfs = {place: vrf for place, vrf, _ in self.routes() if vrf or "." in place[1]}
        for spec in self.of["VPCAttachment"].values():
            vpc, subnet = self._attached(spec)
            if subnet.get("hostBGP") and not subnet.get("vlan"):
                vrfs |= dict.fromkeys(self.places(spec["connection"]), f"vpc:{vpc}")
        return vrfs

    def _attached(self, spec: Manifest) -> tuple[str, Manifest]:
        """The VPC and the subnet of an attachment."""
        vpc, subnet = spec["subnet"].split("/")
        return vpc, self.of["VPC"][vpc]["subnets"][subnet]

    def routes(self) -> Iterator[tuple[PortOf, str, str]]:
        """Interface, VRF and address of every external route; the last two may be empty."""
        for spec in self.of["ExternalAttachment"].values():
            link = self.of["Connection"][spec["connection"]]["external"]["link"]
            own = spec.get("static") or spec["switch"]
            place = self._external_port(link["switch"]["port"], own.get("vlan"))
            yield place, f"ext:{spec['external']}", own.get("ip", "")
        for spec in self.of["Connection"].values():
            if static := spec.get("staticExternal"):
                own, within = static["link"]["switch"], static.get("withinVPC")
                place = self._external_port(own["port"], own.get("vlan"))
                yield place, f"vpc:{within}" if within else "", own.get("ip", "")

    def _external_port(self, full: str, vlan: int | None) -> PortOf:
        device, port = self.port(full)
        return device, f"{port}.{vlan}" if vlan else port

    def mtus(self) -> dict[PortOf, int]:
        """The MTUs in bytes of interfaces whose MTU is known.

        Connections state them for switches, and gateways for themselves; links between Hedgehog's own
        devices have its default.
        """
        mtus: dict[PortOf, int] = {
            self.port(end["port"]): 9100
            for kind, _, ends in self.links()
            if kind in ("fabric", "mesh", "gateway")
            for end in ends
        }
        for name, spec in self.of["Connection"].items():
            for body in spec.values():
                if body.get("mtu"):
                    mtus |= dict.fromkeys(self.places(name), body["mtu"])
        for name, spec in self.of["Gateway"].items():
            stated = {port: interface.get("mtu") for port, interface in spec["interfaces"].items()}
            stated["vtep"] = spec.get("vtepMTU")
            mtus |= {(name, port): mtu for port, mtu in stated.items() if mtu}
        return mtus

    def interfaces(self) -> set[PortOf]:
        """All interfaces; LAGs have the name of their connection."""
        interfaces = {port for pair in self.cables() for port in pair} | self.external_ports()
        interfaces |= {(device, name) for (device, _), name in self.members().items()}
        interfaces |= set(self.routed())
        for name, spec in self.of["Switch"].items():
            interfaces.add((name, "M1"))
            for port in spec.get("portBreakouts", {}):
                count = self.lanes(name, port)
                interfaces |= {
                    (name, f"{port}/{lane + 1}" if count > 1 else port) for lane in range(count)
                }
        for name, spec in self.of["Gateway"].items():
            interfaces |= {(name, port) for port in spec["interfaces"]}
        return interfaces | {(device, port) for _, _, device, port in self.loopbacks()}

    def loopbacks(self) -> Iterator[tuple[str, str, str, str]]:
        """VRF, address, device and interface of every loopback."""
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
        macs = {(name, "M1"): boot["mac"] for name, boot in boots.items() if boot.get("mac")}
        for name, spec in self.of["Gateway"].items():
            if spec.get("vtepMAC"):
                macs[name, "vtep"] = spec["vtepMAC"]
        return {port: mac.upper() for port, mac in macs.items()}

    def primary_addresses(self) -> dict[str, str]:
        """The management addresses of switches by name."""
        return {name: spec["ip"] for name, spec in self.of["Switch"].items() if spec.get("ip")}

    def addresses(self) -> set[Address]:
        """All addresses."""
        addresses = set(self.loopbacks())
        addresses |= {
            ("underlay", s["ip"], name, "M1")
            for name, s in self.of["Switch"].items()
            if s.get("ip")
        }
        for name, spec in self.of["Gateway"].items():
            for port, interface in spec["interfaces"].items():
                addresses |= {("underlay", ip, name, port) for ip in interface.get("ips", ())}
        for kind, _, ends in self.links():
            if kind in ("fabric", "mesh", "gateway"):
                addresses |= {
                    ("underlay", end["ip"], *self.port(end["port"])) for end in ends if "ip" in end
                }
        addresses |= {(vrf or "underlay", ip, *place) for place, vrf, ip in self.routes() if ip}
        return addresses | self._subnet_addresses().keys()

    def uses(self) -> dict[Address, tuple[str, str]]:
        """Status and role of every address; a role may be empty."""
        uses = dict.fromkeys(self.addresses(), ("active", "")) | self._subnet_addresses()
        for address in self.loopbacks():
            _, _, device, port = address
            group = self.of["Switch"].get(device, {}).get("redundancy", {})
            shared = port == "Loopback2" and group.get("type") == "mclag"
            uses[address] = "active", "anycast" if shared else "loopback"
        return uses

    def _subnet_addresses(self) -> dict[Address, tuple[str, str]]:
        uses = {}
        for vpc, _, subnet in self.subnets():
            vrf, length = f"vpc:{vpc}", subnet["subnet"].split("/")[1]
            for lease in subnet.get("dhcp", {}).get("static", {}).values():
                uses[vrf, f"{lease['ip']}/{length}", "", ""] = "dhcp", ""
            if subnet.get("gateway"):
                uses[vrf, f"{subnet['gateway']}/{length}", "", ""] = "active", "anycast"
        return uses

    def subnets(self) -> Iterator[tuple[str, str, Manifest]]:
        for vpc, spec in self.of["VPC"].items():
            for name, subnet in spec["subnets"].items():
                yield vpc, name, subnet

    def prefixes(self) -> set[tuple[str, str]]:
        """VRF and network of every prefix; the default route does not count."""
        prefixes = {
            (f"vpc:{vpc}", str(ip_interface(s["subnet"]).network)) for vpc, _, s in self.subnets()
        }
        for name, spec in self.of["IPv4Namespace"].items():
            prefixes |= {(f"ipns:{name}", network) for network in spec["subnets"]}
        for name, spec in self.of["External"].items():
            networks = spec.get("static", {}).get("prefixes", ())
            prefixes |= {(f"ext:{name}", network) for network in networks if network != "0.0.0.0/0"}
        return prefixes

    def networks(self) -> dict[tuple[str, str], tuple[str, int | None]]:
        """Status and VLAN of every prefix."""
        networks: dict[tuple[str, str], tuple[str, int | None]] = {
            (vrf, network): ("container" if vrf.startswith("ipns:") else "active", None)
            for vrf, network in self.prefixes()
        }
        vlans = {title: vid for (_, vid), title in self.vlans().items()}
        for vpc, name, subnet in self.subnets():
            network = str(ip_interface(subnet["subnet"]).network)
            networks[f"vpc:{vpc}", network] = "active", vlans.get(f"{vpc}/{name}")
        return networks

    def ranges(self) -> set[tuple[str, str, str]]:
        """VRF, first and last address of every DHCP range, without the broadcast address."""
        ranges = set()
        for vpc, _, subnet in self.subnets():
            if subnet.get("dhcp", {}).get("enable"):
                network, pool = ip_network(subnet["subnet"], strict=False), subnet["dhcp"]["range"]
                last = str(network[-2]) if pool["end"] == str(network[-1]) else pool["end"]
                length = network.prefixlen
                ranges.add((f"vpc:{vpc}", f"{pool['start']}/{length}", f"{last}/{length}"))
        return ranges

    def vrfs(self) -> set[str]:
        kinds = {"VPC": "vpc", "External": "ext", "IPv4Namespace": "ipns"}
        return {"underlay"} | {
            f"{short}:{name}" for kind, short in kinds.items() for name in self.of[kind]
        }

    def vlans(self) -> dict[tuple[str, int], str]:
        """The subnet of every VLAN by namespace and VID, for namespaces that exist."""
        return {
            (self.of["VPC"][vpc]["vlanNamespace"], subnet["vlan"]): f"{vpc}/{name}"
            for vpc, name, subnet in self.subnets()
            if subnet.get("vlan")
            and self.of["VPC"][vpc]["vlanNamespace"] in self.of["VLANNamespace"]
        }

    def memberships(self) -> dict[PortOf, Membership]:
        """The VLANs of every interface that has any: LAGs, never their members."""
        untagged: dict[PortOf, int] = {}
        tagged: dict[PortOf, set[int]] = defaultdict(set)
        for spec in self.of["VPCAttachment"].values():
            vid = self._attached(spec)[1].get("vlan")
            if not vid:
                continue
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
        """The switch interfaces of a connection to servers; none if it does not exist."""
        for kind, body in self.of["Connection"].get(connection, {}).items():
            for link in body.get("links") or [body["link"]]:
                device, port = self.port(link["switch"]["port"])
                yield device, connection if kind in BUNDLES else port

    def skipped(self) -> dict[str, str]:
        """The reasons for skipped references to missing objects and default routes."""
        references = [
            (
                f"VPC/default/{vpc}#{name}/vlan",
                "VLANNamespace",
                self.of["VPC"][vpc]["vlanNamespace"],
            )
            for vpc, name, subnet in self.subnets()
            if subnet.get("vlan")
        ]
        for name, spec in self.of["VPCAttachment"].items():
            references.append((f"VPCAttachment/default/{name}", "Connection", spec["connection"]))
        for name, spec in self.of["ExternalPeering"].items():
            external = spec["permit"]["external"]["name"]
            references.append((f"ExternalPeering/default/{name}", "External", external))
        reasons = {
            key: f"refers to the {kind} {name}, which does not exist"
            for key, kind, name in references
            if name not in self.of[kind]
        }
        for name, spec in self.of["External"].items():
            if "0.0.0.0/0" in spec.get("static", {}).get("prefixes", ()):
                why = "is the default route 0.0.0.0/0, which NetBox does not accept"
                reasons[f"External/default/{name}#0.0.0.0/0"] = why
        return reasons

    def peerings(self) -> dict[str, set[str]]:
        """The VRFs that list a peering, for every peering whose sides all exist."""
        peerings: dict[str, set[str]] = {}
        for name, spec in self.of["VPCPeering"].items():
            peerings[f"VPCPeering/default/{name}"] = {
                f"vpc:{vpc}" for peers in spec["permit"] for vpc in peers
            }
        for name, spec in self.of["ExternalPeering"].items():
            vpc, external = spec["permit"]["vpc"]["name"], spec["permit"]["external"]["name"]
            peerings[f"ExternalPeering/default/{name}"] = {f"vpc:{vpc}", f"ext:{external}"}
        for name, spec in self.of["GatewayPeering"].items():
            sides = {re.sub(r"^(?!ext\.)", "vpc:", side) for side in spec["peering"]}
            peerings[f"GatewayPeering/default/{name}"] = {
                re.sub(r"^ext\.", "ext:", side) for side in sides
            }
        return {key: sides for key, sides in peerings.items() if sides <= self.vrfs()}


def ports_of(switch: Manifest, profile: Manifest) -> set[str]:
    """The ports of a switch by its profile, with the lanes of divided ports."""
    ports = set()
    for port, details in profile["ports"].items():
        default = profile["portProfiles"].get(details.get("profile"), {}).get("breakout", {})
        mode = switch.get("portBreakouts", {}).get(port, default.get("default", "1x"))
        lanes = int(mode.split("x")[0])
        ports |= {f"{port}/{lane + 1}" for lane in range(lanes)} if lanes > 1 else {port}
    return ports
