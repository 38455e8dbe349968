"""VPCs: a VRF each, and each subnet's prefix, VLAN, gateway and DHCP range."""

from dataclasses import dataclass, replace
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
from fabrics.inventory.model.naming import MAX_DESCRIPTION_CHARS, MAX_DEVICE_NAME_CHARS, shorten
from fabrics.inventory.model.planned import Ref, omit_empty
from fabrics.inventory.plan.addresses import add_prefix
from fabrics.inventory.plan.builder import MappingError, PlanBuilder
from fabrics.inventory.specs.parse import LiveObject
from fabrics.inventory.specs.vpc import DHCP, SubnetSpec, VPCSpec
from fabrics.inventory.specs.wiring import VLANNamespaceSpec


def add_vpc(builder: PlanBuilder, vpc: LiveObject[VPCSpec]) -> None:
    """Add a VPC with all its subnets."""
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
                permit=[list(subnets) for subnets in spec.permit],
                staticRoutes=list(spec.static_routes),
            ),
        )
    )
    for name, subnet in sorted(spec.subnets.items()):
        with builder.skip_unmappable(f"{vpc.key}#{name}"):
            _SubnetMapper(builder, vpc, vrf, name, subnet).add()


@dataclass(frozen=True, slots=True)
class _SubnetMapper:
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

    def add(self) -> None:
        """Add all objects of the subnet."""
        vlan, dhcp = None, self.spec.dhcp
        if self.spec.vlan:
            with self.builder.skip_unmappable(f"{self.key}/vlan"):
                vlan = self._add_vlan()
        self._add_prefix(vlan)
        if self.spec.gateway:
            with self.builder.skip_unmappable(f"{self.key}/gateway"):
                gateway = self._build_address("gateway", self.spec.gateway, "Gateway of")
                self.builder.add(replace(gateway, role=ANYCAST_ROLE))  # switches share it
        if dhcp.enable:
            with self.builder.skip_unmappable(f"{self.key}/dhcp"):
                self._add_dhcp_range(dhcp)
        for mac, lease in sorted(dhcp.static.items()):
            with self.builder.skip_unmappable(f"{self.key}/{mac}"):
                address = self._build_address(mac, lease.ip, f"DHCP lease of {mac} in")
                self.builder.add(replace(address, status="dhcp"))

    def _add_vlan(self) -> Ref:
        name, vid = self.vpc.spec.vlan_namespace, self.spec.vlan
        group = self.builder.require_ref(VLANGroup, VLANNamespaceSpec, self.vpc.namespace, name)
        vid_ranges = self.builder.get(VLANGroup, group).vid_ranges
        if not any(first <= vid <= last for first, last in vid_ranges):
            raise MappingError(f"has the VLAN {vid}, which is not in the VLANNamespace {name}")
        title = shorten(self.title, MAX_DEVICE_NAME_CHARS)
        return self.builder.add(VLAN(key=self.key, group=group, vid=vid, name=title))

    def _add_prefix(self, vlan: Ref | None) -> None:
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
        add_prefix(self.builder, prefix)

    def _add_dhcp_range(self, dhcp: DHCP) -> None:
        """Add the DHCP range; Hedgehog's last address may be the broadcast address."""
        first, last = _host_bounds(self.network)
        start = max(dhcp.range.start or first, first)
        end = min(dhcp.range.end or last, last)
        planned = IPRange(
            key=f"{self.key}/dhcp",
            vrf=self.vrf,
            start_address=self._with_prefix_length(start),
            end_address=self._with_prefix_length(end),
            description=shorten(f"DHCP of {self.title}", MAX_DESCRIPTION_CHARS),
        )
        if start > end:
            raise MappingError(f"has the DHCP range {start} to {end}, which ends before it starts")
        self.builder.add(planned)

    def _build_address(self, part: str, ip: IPv4Address, purpose: str) -> IPAddress:
        return IPAddress(
            key=f"{self.key}/{part}",
            vrf=self.vrf,
            address=self._with_prefix_length(ip),
            description=shorten(f"{purpose} {self.title}", MAX_DESCRIPTION_CHARS),
        )

    def _with_prefix_length(self, ip: IPv4Address) -> IPv4Interface:
        if ip not in self.network:
            raise MappingError(f"has the address {ip}, which is not in {self.network}")
        return IPv4Interface(f"{ip}/{self.network.prefixlen}")


def _host_bounds(network: IPv4Network) -> tuple[IPv4Address, IPv4Address]:
    """Return the first and the last host."""
    first, last = network.network_address, network.broadcast_address
    return (first + 1, last - 1) if network.prefixlen < 31 else (first, last)
