"""The custom fields that tell whose an object of the inventory is, and what it shows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from activities.inventory.netbox.endpoints import (
    CABLE_ENDS,
    CHANGES,
    PARTS,
    PATHS,
    SERVICES,
    TUNNEL_ENDS,
    VIRTUAL_CIRCUIT_ENDS,
    VLAN_FIELDS,
    VM_INTERFACES,
    VRF_FIELDS,
)
from activities.netbox.client import Row
from activities.setup.access import NAME, Grant
from activities.setup.fields import FIELDS, GROUP, UNCHECKED
from activities.setup.items import Item
from activities.setup.views import TAG, TAG_ITEM
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import DETAILED, OWNED, SHARED


def _field(name: str, type_: str, models: Iterable[Model], needed: Row, shown: Row) -> Item:
    basis = {"type": type_, "object_types": list(models), "required": False, "unique": False}
    hidden = {"ui_visible": "if-set", "ui_editable": "hidden", "search_weight": 0, "default": None}
    shown = {"group_name": GROUP} | hidden | shown
    return Item(FIELDS, {"name": name}, UNCHECKED | basis | needed, shown)


def _mark(name: str, label: str, description: str) -> Item:
    """What tells whose an object is; without it, one that has our tag would be somebody else's for ever."""
    shown = {"label": label, "description": description}
    field = _field(name, "text", OWNED, {"filter_logic": "exact"}, shown)
    return replace(field, stays_with=TAG_ITEM)


INVENTORY_FIELD_ITEMS: Final = (
    _mark("hh_fabric", "Fabric", "The ID of the fabric that this is part of."),
    _mark("hh_key", "Shows", "The object of the fabric that this shows."),
    _field(
        "hh_details",
        "json",
        DETAILED,
        {},
        {"label": "Details", "description": "What NetBox has no field for."},
    ),
)


def _granted(models: Iterable[Model]) -> dict[str, str]:
    return {PATHS[model]: model for model in models}


INVENTORY_GRANTS: Final = (
    Grant("inventory", ("view", "add"), _granted(OWNED)),
    Grant("own inventory", ("change", "delete"), _granted(OWNED), {"tags__slug": TAG}),
    Grant(
        "ports of own devices",  # those that NetBox makes with a device have no tag yet
        ("change",),
        _granted([Model.INTERFACE]),
        {"device__tags__slug": TAG},
    ),
    Grant("own changes", ("view",), {CHANGES: "core.objectchange"}, {"user_name": NAME}),
    Grant("catalogue", ("view", "add"), _granted(SHARED)),
    Grant("ends of cables", ("view",), {CABLE_ENDS: "dcim.cabletermination"}),
    Grant(
        "what people put on own devices",  # it keeps these from being deleted
        ("view",),
        {**PARTS, SERVICES: "ipam.service"},
        {"device__tags__slug": TAG},
    ),
    Grant(
        "what people end at own ports",
        ("view",),
        {
            TUNNEL_ENDS: "vpn.tunneltermination",
            VIRTUAL_CIRCUIT_ENDS: "circuits.virtualcircuittermination",
        },
        {"interface__device__tags__slug": TAG},
    ),
    Grant(
        "what people have in own networks",
        ("view",),
        {VM_INTERFACES: "virtualization.vminterface"},
        [{f"{field}__tags__slug": TAG} for field in (*VLAN_FIELDS, *VRF_FIELDS)],
    ),
)

INVENTORY_ACCESS_ITEMS: Final = tuple(grant.permission for grant in INVENTORY_GRANTS)
