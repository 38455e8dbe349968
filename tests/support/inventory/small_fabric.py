"""A small fabric with objects of every kind, in parts that tests can exchange."""

from fabrics.resources.json_types import Json
from fabrics.resources.resource import Resource
from tests.support.fabrics.objects import live
from tests.support.inventory.plans import connection, server, switch

RACK = (switch("leaf-1"), switch("leaf-2"), server("s-1"), server("s-2"))
"""Devices alone: each further type of object takes NetBox some requests."""

NAMESPACES = (
    live("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}),
    live("IPv4Namespace", "default", {"subnets": ["10.0.0.0/16"]}),
)
FRAME = (
    switch("leaf-1", ip="172.30.0.5/21", boot={"mac": "0c:20:12:fe:00:01", "serial": "CN1"}),
    *RACK[1:],
    *NAMESPACES,
)


def vpc(name: str, vlan: int, subnet: str, **parts: Json) -> Resource:
    """Return a VPC with one subnet, `a`."""
    spec: dict[str, Json] = {"subnet": subnet, "vlan": vlan, **parts}
    body: dict[str, Json] = {"ipv4Namespace": "default", "vlanNamespace": "default"}
    return live("VPC", name, {**body, "subnets": {"a": spec}})


def cable(name: str, server_port: str, switch_port: str) -> Resource:
    """Return an unbundled connection."""
    return connection(name, "unbundled", {"server": server_port, "switch": switch_port})


def attachment(name: str, subnet: str, to: str) -> Resource:
    """Return an attachment of a subnet to a connection."""
    return live("VPCAttachment", name, {"subnet": subnet, "connection": to})


def pools(**networks: str) -> Resource:
    """Return a VPC whose DHCP ranges cover all addresses of its subnets."""
    dhcp: dict[str, Json] = {"enable": True}
    subnets: dict[str, Json] = {
        name: {"subnet": network, "dhcp": dhcp} for name, network in networks.items()
    }
    return live("VPC", "v", {"subnets": subnets})


def pair(group: str, *hosts: int, first: int = 8) -> tuple[Resource, ...]:
    """Return switches, numbered from `first`, with the VTEP addresses of `hosts`."""
    return tuple(
        switch(f"leaf-{number}", vtepIP=f"172.30.12.{host}/32", redundancy={"type": group})
        for number, host in enumerate(hosts, first)
    )


def external_ports(device: str) -> tuple[Resource, ...]:
    """Return an external and a static external on subinterfaces of a switch."""
    side: Json = {"vlan": 100, "ip": "100.1.0.1/31"}
    static: Json = {"port": f"{device}/E1/10", "vlan": 30, "ip": "100.2.0.1/31"}
    return (
        live("External", "isp"),
        connection("x", "external", {"switch": f"{device}/E1/9"}),
        live("ExternalAttachment", "a", {"external": "isp", "connection": "x", "switch": side}),
        live("Connection", "y", {"staticExternal": {"link": {"switch": static}}}),
    )
