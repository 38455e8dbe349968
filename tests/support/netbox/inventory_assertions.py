"""Compare a fabric's inventory in NetBox, read over REST, with its manifests."""

from collections import defaultdict
from functools import cached_property
from typing import Any

from activities.netbox.client import Row
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from tests.support.inventory.expected_inventory import Address, Hardware, Membership, PortOf, Reader
from tests.support.netbox.fabric_inventory import FabricInventory, cable_ports

COMPARED_VIEWS = (
    "devices",
    "hardware",
    "interfaces",
    "external_ports",
    "cables",
    "members",
    "routed",
    "mtus",
    "speeds",
    "memberships",
    "macs",
    "vlans",
    "vrfs",
    "prefixes",
    "networks",
    "ranges",
    "addresses",
    "uses",
    "primary_addresses",
    "peerings",
)
"""Methods of `InventoryView` and of the expected inventory whose results must be equal."""

EXPECTED_STATUSES = {
    Model.SITE: "active",
    Model.VLAN: "active",
    Model.IP_RANGE: "active",
    Model.CABLE: "connected",
}
"""Statuses that no manifest changes."""


def assert_inventory_matches(inventory: FabricInventory, items: list[dict[str, Any]]) -> None:
    """Assert that NetBox holds exactly what these manifests describe."""
    view, expected = InventoryView(inventory), Reader(items)
    assert view.counts() == expected.counts()
    for name in COMPARED_VIEWS:
        assert getattr(view, name)() == getattr(expected, name)(), name
    assert view.sites() == {inventory.fabric_id}
    for model, status in EXPECTED_STATUSES.items():
        assert view.statuses(model) <= {status}, model


class InventoryView:
    """The inventory of a fabric with a site of its own, by the names that people see."""

    def __init__(self, inventory: FabricInventory) -> None:
        self._inventory = inventory

    @cached_property
    def _rows(self) -> dict[Model, list[Row]]:
        return {model: self._inventory.objects(model) for model in OWNED_MODELS}

    def counts(self) -> dict[str, int]:
        return {str(model): len(rows) for model, rows in self._rows.items()}

    def devices(self) -> dict[str, str]:
        return {row["name"]: row["role"]["slug"] for row in self._rows[Model.DEVICE]}

    def hardware(self) -> dict[str, Hardware]:
        return {
            row["name"]: Hardware(
                row["device_type"]["slug"],
                row["serial"],
                row["platform"]["slug"] if row["platform"] else "",
                row["status"]["value"],
            )
            for row in self._rows[Model.DEVICE]
        }

    def sites(self) -> set[str]:
        """Return the slugs of all sites, including those of devices."""
        sites = {row["site"]["slug"] for row in self._rows[Model.DEVICE]}
        return sites | {row["slug"] for row in self._rows[Model.SITE]}

    def statuses(self, model: Model) -> set[str]:
        return {row["status"]["value"] for row in self._rows[model]}

    def interfaces(self) -> set[PortOf]:
        return {_port(row) for row in self._rows[Model.INTERFACE]}

    def external_ports(self) -> set[PortOf]:
        return {_port(row) for row in self._rows[Model.INTERFACE] if row["mark_connected"]}

    def cables(self) -> dict[frozenset[PortOf], str]:
        return {frozenset(cable_ports(row)): row["label"] for row in self._rows[Model.CABLE]}

    def members(self) -> dict[PortOf, str]:
        rows = self._rows[Model.INTERFACE]
        lags = {row["id"] for row in rows if row["type"]["value"] == "lag"}
        assert {row["lag"]["id"] for row in rows if row["lag"]} == lags
        return {_port(row): row["lag"]["name"] for row in rows if row["lag"]}

    def routed(self) -> dict[PortOf, str]:
        rows = [row for row in self._rows[Model.INTERFACE] if row["parent"] or row["vrf"]]
        for row in rows:
            parent = row["parent"] or row
            assert row["name"].partition(".")[0] == parent["name"]
        return {_port(row): self._strip_fabric(row["vrf"]) if row["vrf"] else "" for row in rows}

    def mtus(self) -> dict[PortOf, int]:
        return {_port(row): row["mtu"] for row in self._rows[Model.INTERFACE] if row["mtu"]}

    def speeds(self) -> dict[PortOf, tuple[str, int]]:
        rows = (row for row in self._rows[Model.INTERFACE] if row["speed"])
        return {_port(row): (row["type"]["value"], row["speed"]) for row in rows}

    def memberships(self) -> dict[PortOf, Membership]:
        return {
            _port(row): Membership(
                row["untagged_vlan"]["vid"] if row["untagged_vlan"] else None,
                frozenset(vlan["vid"] for vlan in row["tagged_vlans"]),
            )
            for row in self._rows[Model.INTERFACE]
            if row["mode"]
        }

    def macs(self) -> dict[PortOf, str]:
        """Return the primary MAC address of each interface that has one."""
        rows = (row for row in self._rows[Model.INTERFACE] if row["primary_mac_address"])
        return {_port(row): row["primary_mac_address"]["mac_address"] for row in rows}

    def vlans(self) -> dict[tuple[str, int], str]:
        rows = self._rows[Model.VLAN]
        return {(self._strip_fabric(row["group"]), row["vid"]): row["name"] for row in rows}

    def vrfs(self) -> set[str]:
        return {self._strip_fabric(row) for row in self._rows[Model.VRF]}

    def prefixes(self) -> set[tuple[str, str]]:
        return {(self._strip_fabric(row["vrf"]), row["prefix"]) for row in self._rows[Model.PREFIX]}

    def networks(self) -> dict[tuple[str, str], tuple[str, int | None]]:
        return {
            (self._strip_fabric(row["vrf"]), row["prefix"]): (
                row["status"]["value"],
                row["vlan"]["vid"] if row["vlan"] else None,
            )
            for row in self._rows[Model.PREFIX]
        }

    def ranges(self) -> set[tuple[str, str, str]]:
        return {
            (self._strip_fabric(row["vrf"]), row["start_address"], row["end_address"])
            for row in self._rows[Model.IP_RANGE]
        }

    def addresses(self) -> set[Address]:
        return set(self.uses())

    def uses(self) -> dict[Address, tuple[str, str]]:
        return {
            (self._strip_fabric(row["vrf"]), row["address"], *_assigned_interface(row)): (
                row["status"]["value"],
                row["role"]["value"] if row["role"] else "",
            )
            for row in self._rows[Model.IP_ADDRESS]
        }

    def primary_addresses(self) -> dict[str, str]:
        rows = (row for row in self._rows[Model.DEVICE] if row["primary_ip4"])
        return {row["name"]: row["primary_ip4"]["address"] for row in rows}

    def peerings(self) -> dict[str, set[str]]:
        peerings: dict[str, set[str]] = defaultdict(set)
        for row in self._rows[Model.VRF]:
            for peering in (row["custom_fields"]["hh_details"] or {}).get("peerings", []):
                peerings[peering["key"]].add(self._strip_fabric(row))
        return peerings

    def _strip_fabric(self, row: Row) -> str:
        """Return the name of a VRF or a VLAN group without the fabric id."""
        fabric, _, name = row["name"].partition(":")
        assert fabric == self._inventory.fabric_id
        return str(name)


def _port(row: Row) -> PortOf:
    return row["device"]["name"], row["name"]


def _assigned_interface(row: Row) -> PortOf:
    return _port(row["assigned_object"]) if row["assigned_object"] else ("", "")
