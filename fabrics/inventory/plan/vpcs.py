"""VPCs and their subnets: a VRF with a prefix, a VLAN, a gateway and DHCP addresses for each."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network

from fabrics.inventory.model.ipam import (
    ANYCAST_ROLE,
    VLAN,
    VRF,
    IPAddress,
    IPRange,
    Prefix,
    VLANGroup,
)
from fabrics.inventory.model.naming import MAX_DESCRIPTION_CHARS, shorten
from fabrics.inventory.model.naming import MAX_VLAN_NAME_CHARS as VLAN_NAME
from fabrics.inventory.model.planned import Ref, omit_empty
from fabrics.inventory.plan.addresses import add_prefix
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import DHCP, SubnetSpec, VPCSpec
from fabrics.inventory.specs.wiring import VLANNamespaceSpec


def add_vpc(builder: PlanBuilder, vpc: LiveObject[VPCSpec]) -> None:
    """The VPC with all its subnets."""
    spec = vpc.spec
    vrf = builder.add(
        VRF(
            key=vpc.key,
            name=builder.fabric.vrf_name("vpc", vpc.name),
            description=shorten(f"VPC {vpc.name}", MAX_DESCRIPTION_CHARS),
            details=omit_empty(
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
        with builder.skip_unmappable(f"{vpc.key}#{name}"):
            _SubnetMapper(builder, vpc, vrf, name, subnet).add(ranges)


@dataclass(frozen=True, slots=True)
class _SubnetMapper:
    """Maps one subnet."""

    builder: PlanBuilder
    vpc: LiveObject[VPCSpec]
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
            with self.builder.skip_unmappable(f"{self.key}/vlan"):
                vlan = self._add_vlan()
        self._add_prefix(vlan)
        if self.spec.gateway:
            with self.builder.skip_unmappable(f"{self.key}/gateway"):
                self._add_gateway(self.spec.gateway)
        if self.spec.dhcp.enable:
            with self.builder.skip_unmappable(f"{self.key}/dhcp"):
                self._add_dhcp_range(self.spec.dhcp, ranges)
        for mac, lease in sorted(self.spec.dhcp.static.items()):
            with self.builder.skip_unmappable(f"{self.key}/{mac}"):
                self._add_lease(mac, lease.ip)

    def _add_vlan(self) -> Ref:
        namespace, vid = self.vpc.spec.vlan_namespace, self.spec.vlan
        group = self.builder.require_ref(
            VLANGroup, VLANNamespaceSpec, self.vpc.namespace, namespace
        )
        ranges = self.builder.get(VLANGroup, group).vid_ranges
        if not any(first <= vid <= last for first, last in ranges):
            raise MappingError(f"has the VLAN {vid}, which is not in the VLANNamespace {namespace}")
        return self.builder.add(
            VLAN(key=self.key, group=group, vid=vid, name=shorten(self.title, VLAN_NAME))
        )

    def _add_prefix(self, vlan: Ref | None) -> Ref:
        spec = self.spec
        prefix = Prefix(
            key=self.key,
            vrf=self.vrf,
            prefix=self.network,
            vlan=vlan,
            description=shorten(self.title, MAX_DESCRIPTION_CHARS),
            details=omit_empty(
                isolated=spec.isolated,
                restricted=spec.restricted,
                hostBGP=spec.host_bgp,
                dhcpRelay=spec.dhcp.relay,
                dhcpRelayVPC=spec.dhcp.relay_vpc,
            ),
        )
        return add_prefix(self.builder, prefix)

    def _add_gateway(self, ip: IPv4Address) -> None:
        """The address that every switch with this subnet answers to."""
        self.builder.add(
            IPAddress(
                key=f"{self.key}/gateway",
                vrf=self.vrf,
                address=self._with_prefix_length(ip),
                role=ANYCAST_ROLE,
                description=shorten(f"Gateway of {self.title}", MAX_DESCRIPTION_CHARS),
            )
        )

    def _add_dhcp_range(self, dhcp: DHCP, ranges: list[IPRange]) -> None:
        """The addresses that DHCP gives out. Hedgehog's last one may be the broadcast address."""
        first, last = _host_bounds(self.network)
        start = max(dhcp.range.start or first, first)
        end = min(dhcp.range.end or last, last)
        wanted = IPRange(
            key=f"{self.key}/dhcp",
            vrf=self.vrf,
            start_address=self._with_prefix_length(start),
            end_address=self._with_prefix_length(end),
            description=shorten(f"DHCP of {self.title}", MAX_DESCRIPTION_CHARS),
        )
        if start > end:
            raise MappingError(f"has the DHCP range {start} to {end}, which ends before it starts")
        for other in ranges:
            if start <= other.end_address.ip and other.start_address.ip <= end:
                raise MappingError(f"has a DHCP range that overlaps with that of {other.key}")
        self.builder.add(wanted)
        ranges.append(wanted)

    def _add_lease(self, mac: str, ip: IPv4Address) -> None:
        self.builder.add(
            IPAddress(
                key=f"{self.key}/{mac}",
                vrf=self.vrf,
                address=self._with_prefix_length(ip),
                status="dhcp",
                description=shorten(f"DHCP lease of {mac} in {self.title}", MAX_DESCRIPTION_CHARS),
            )
        )

    def _with_prefix_length(self, ip: IPv4Address) -> IPv4Interface:
        if ip not in self.network:
            raise MappingError(f"has the address {ip}, which is not in {self.network}")
        return IPv4Interface(f"{ip}/{self.network.prefixlen}")


def _host_bounds(network: IPv4Network) -> tuple[IPv4Address, IPv4Address]:
    """The first and the last host."""
    first, last = network.network_address, network.broadcast_address
    return (first + 1, last - 1) if network.prefixlen < 31 else (first, last)
