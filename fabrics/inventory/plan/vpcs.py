"""VPCs and their subnets: a VRF with a prefix, a VLAN, a gateway and DHCP addresses for each."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from fabrics.inventory.model.ipam import ANYCAST, VLAN, VRF, IPAddress, IPRange, Prefix, VLANGroup
from fabrics.inventory.model.naming import DESCRIPTION, fit
from fabrics.inventory.model.naming import VLAN as VLAN_NAME
from fabrics.inventory.model.planned import Ref, stated
from fabrics.inventory.plan.addresses import add_prefix
from fabrics.inventory.plan.builder import Draft, Unmapped
from fabrics.inventory.specs.parse import Object
from fabrics.inventory.specs.vpc import DHCP, SubnetSpec, VPCSpec
from fabrics.inventory.specs.wiring import VLANNamespaceSpec


def add_vpc(draft: Draft, vpc: Object[VPCSpec]) -> None:
    """The VPC with all its subnets."""
    spec = vpc.spec
    vrf = draft.add(
        VRF(
            key=vpc.key,
            name=draft.fabric.vrf("vpc", vpc.name),
            description=fit(f"VPC {vpc.name}", DESCRIPTION),
            details=stated(
                mode=spec.mode,
                ipv4Namespace=spec.ipv4_namespace,
                vlanNamespace=spec.vlan_namespace,
                permit=[list(each) for each in spec.permit],
                staticRoutes=list(spec.static_routes),
            ),
        )
    )
    ranges: list[IPRange] = []
    for name, subnet in sorted(spec.subnets.items()):
        with draft.part(f"{vpc.key}#{name}"):
            _Subnet(draft, vpc, vrf, name, subnet).add(ranges)


@dataclass(frozen=True, slots=True)
class _Subnet:
    """Maps one subnet."""

    draft: Draft
    vpc: Object[VPCSpec]
    vrf: Ref
    name: str
    spec: SubnetSpec

    @property
    def key(self) -> str:
        return f"{self.vpc.key}#{self.name}"

    @property
    def title(self) -> str:
        return f"{self.vpc.name}/{self.name}"

    @property
    def network(self) -> IPv4Network:
        return self.spec.subnet.network

    def add(self, ranges: list[IPRange]) -> None:
        """Everything of the subnet; `ranges` are the DHCP ranges of the VPC so far."""
        vlan = None
        if self.spec.vlan:
            with self.draft.part(f"{self.key}/vlan"):
                vlan = self._vlan()
        self._prefix(vlan)
        if self.spec.gateway:
            with self.draft.part(f"{self.key}/gateway"):
                self._gateway(self.spec.gateway)
        if self.spec.dhcp.enable:
            with self.draft.part(f"{self.key}/dhcp"):
                self._range(self.spec.dhcp, ranges)
        for mac, lease in sorted(self.spec.dhcp.static.items()):
            with self.draft.part(f"{self.key}/{mac}"):
                self._lease(mac, lease.ip)

    def _vlan(self) -> Ref:
        namespace, vid = self.vpc.spec.vlan_namespace, self.spec.vlan
        group = self.draft.named(VLANGroup, VLANNamespaceSpec, self.vpc.namespace, namespace)
        ranges = self.draft.get(VLANGroup, group).vid_ranges
        if not any(first <= vid <= last for first, last in ranges):
            raise Unmapped(f"has the VLAN {vid}, which is not in the VLANNamespace {namespace}")
        return self.draft.add(
            VLAN(key=self.key, group=group, vid=vid, name=fit(self.title, VLAN_NAME))
        )

    def _prefix(self, vlan: Ref | None) -> Ref:
        spec = self.spec
        prefix = Prefix(
            key=self.key,
            vrf=self.vrf,
            prefix=self.network,
            vlan=vlan,
            description=fit(self.title, DESCRIPTION),
            details=stated(
                isolated=spec.isolated,
                restricted=spec.restricted,
                hostBGP=spec.host_bgp,
                dhcpRelay=spec.dhcp.relay,
                dhcpRelayVPC=spec.dhcp.relay_vpc,
            ),
        )
        return add_prefix(self.draft, prefix)

    def _gateway(self, ip: IPv4Address) -> None:
        """The address that every switch with this subnet answers to."""
        self.draft.add(
            IPAddress(
                key=f"{self.key}/gateway",
                vrf=self.vrf,
                address=self._inside(ip),
                role=ANYCAST,
                description=fit(f"Gateway of {self.title}", DESCRIPTION),
            )
        )

    def _range(self, dhcp: DHCP, ranges: list[IPRange]) -> None:
        """The addresses that DHCP gives out. Hedgehog's last one may be the broadcast address."""
        first, last = _bounds(self.network)
        start = max(dhcp.range.start or first, first)
        end = min(dhcp.range.end or last, last)
        wanted = IPRange(
            key=f"{self.key}/dhcp",
            vrf=self.vrf,
            start_address=self._inside(start),
            end_address=self._inside(end),
            description=fit(f"DHCP of {self.title}", DESCRIPTION),
        )
        if start > end:
            raise Unmapped(f"has the DHCP range {start} to {end}, which ends before it starts")
        for other in ranges:
            if start <= other.end_address.ip and other.start_address.ip <= end:
                raise Unmapped(f"has a DHCP range that overlaps with that of {other.key}")
        self.draft.add(wanted)
        ranges.append(wanted)

    def _lease(self, mac: str, ip: IPv4Address) -> None:
        self.draft.add(
            IPAddress(
                key=f"{self.key}/{mac}",
                vrf=self.vrf,
                address=self._inside(ip),
                status="dhcp",
                description=fit(f"DHCP lease of {mac} in {self.title}", DESCRIPTION),
            )
        )

    def _inside(self, ip: IPv4Address) -> IPv4Interface:
        if ip not in self.network:
            raise Unmapped(f"has the address {ip}, which is not in {self.network}")
        return IPv4Interface(f"{ip}/{self.network.prefixlen}")


def _bounds(network: IPv4Network) -> tuple[IPv4Address, IPv4Address]:
    """The first and the last host."""
    first, last = network.network_address, network.broadcast_address
    return (first + 1, last - 1) if network.prefixlen < 31 else (first, last)
