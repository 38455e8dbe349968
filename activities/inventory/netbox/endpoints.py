"""Paths of the inventory's models in NetBox's REST API."""

from collections.abc import Mapping
from typing import Final

from fabrics.inventory.model.planned import Model

PATHS: Final[Mapping[Model, str]] = {
    Model.SITE: "dcim/sites",
    Model.MANUFACTURER: "dcim/manufacturers",
    Model.DEVICE_TYPE: "dcim/device-types",
    Model.MODULE_TYPE: "dcim/module-types",
    Model.DEVICE_ROLE: "dcim/device-roles",
    Model.PLATFORM: "dcim/platforms",
    Model.VRF: "ipam/vrfs",
    Model.VLAN_GROUP: "ipam/vlan-groups",
    Model.VLAN: "ipam/vlans",
    Model.DEVICE: "dcim/devices",
    Model.INTERFACE: "dcim/interfaces",
    Model.MAC_ADDRESS: "dcim/mac-addresses",
    Model.PREFIX: "ipam/prefixes",
    Model.IP_RANGE: "ipam/ip-ranges",
    Model.IP_ADDRESS: "ipam/ip-addresses",
    Model.CABLE: "dcim/cables",
    Model.MODULE_BAY: "dcim/module-bays",
    Model.MODULE: "dcim/modules",
}

CABLE_TERMINATIONS: Final = "dcim/cable-terminations"
"""Without permission to view these, GraphQL shows cables without terminations."""

LOCATIONS: Final = "dcim/locations"
INVENTORY_ITEMS: Final = "dcim/inventory-items"
SERVICES: Final = "ipam/services"
TUNNEL_TERMINATIONS: Final = "vpn/tunnel-terminations"
VIRTUAL_CIRCUIT_TERMINATIONS: Final = "circuits/virtual-circuit-terminations"
VM_INTERFACES: Final = "virtualization/interfaces"

VLAN_FIELDS: Final = ("untagged_vlan", "tagged_vlans", "qinq_svlan")
VRF_FIELDS: Final = ("vrf",)
"""Interface fields that refer to VLANs, or to a VRF. NetBox empties them when it deletes these."""

NON_INTERFACE_COMPONENTS: Final[Mapping[str, str]] = {
    "dcim/console-ports": "dcim.consoleport",
    "dcim/console-server-ports": "dcim.consoleserverport",
    "dcim/power-ports": "dcim.powerport",
    "dcim/power-outlets": "dcim.poweroutlet",
    "dcim/cooling-intakes": "dcim.coolingintake",
    "dcim/cooling-outflows": "dcim.coolingoutflow",
    "dcim/front-ports": "dcim.frontport",
    "dcim/rear-ports": "dcim.rearport",
    "dcim/device-bays": "dcim.devicebay",
    "dcim/module-bays": "dcim.modulebay",
    INVENTORY_ITEMS: "dcim.inventoryitem",
}
"""Models of the other components of devices, which no fabric describes."""

COMPONENTS_WITHOUT_MODULE: Final = frozenset({INVENTORY_ITEMS, "dcim/device-bays"})
"""Components that never belong to a module."""

OBJECT_CHANGES: Final = "core/object-changes"
"""NetBox's changelog. It shows what NetBox creates with our objects, and who says that an object is ours."""
