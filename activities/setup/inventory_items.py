"""The custom fields that tell whose an object of the inventory is, and what it shows."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from activities.inventory.netbox.endpoints import (
    CABLE_TERMINATIONS,
    NON_INTERFACE_COMPONENTS,
    OBJECT_CHANGES,
    PATHS,
    SERVICES,
    TUNNEL_TERMINATIONS,
    VIRTUAL_CIRCUIT_TERMINATIONS,
    VLAN_FIELDS,
    VM_INTERFACES,
    VRF_FIELDS,
)
from activities.netbox.client import Row
from activities.setup.access import ACCOUNT_NAME, Grant
from activities.setup.fields import CUSTOM_FIELDS, FIELD_GROUP, NO_VALIDATION
from activities.setup.items import Item
from activities.setup.views import TAG_ITEM
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import MODELS_WITH_DETAILS, OWNED_MODELS, SHARED_MODELS


def _field(name: str, type_: str, models: Iterable[Model], needed: Row, defaults: Row) -> Item:
    basis = {"type": type_, "object_types": list(models), "required": False, "unique": False}
    hidden = {"ui_visible": "if-set", "ui_editable": "hidden", "search_weight": 0, "default": None}
    defaults = {"group_name": FIELD_GROUP} | hidden | defaults
    return Item(CUSTOM_FIELDS, {"name": name}, NO_VALIDATION | basis | needed, defaults)


def _ownership_field(name: str, label: str, description: str) -> Item:
    """What tells whose an object is; without it, one that has our tag would be somebody else's for ever."""
    shown = {"label": label, "description": description}
    field = _field(name, "text", OWNED_MODELS, {"filter_logic": "exact"}, shown)
    return replace(field, kept_while_tagged=TAG_ITEM)


INVENTORY_FIELD_ITEMS: Final = (
    _ownership_field(FABRIC_FIELD, "Fabric", "The ID of the fabric that this is part of."),
    _ownership_field(KEY_FIELD, "Shows", "The object of the fabric that this shows."),
    _field(
        "hh_details",
        "json",
        MODELS_WITH_DETAILS,
        {},
        {"label": "Details", "description": "What NetBox has no field for."},
    ),
)


def _object_types_by_path(models: Iterable[Model]) -> dict[str, str]:
    return {PATHS[model]: model for model in models}


INVENTORY_GRANTS: Final = (
    Grant("inventory", ("view", "add"), _object_types_by_path(OWNED_MODELS)),
    Grant(
        "own inventory",
        ("change", "delete"),
        _object_types_by_path(OWNED_MODELS),
        {"tags__slug": TAG_SLUG},
    ),
    Grant(
        "ports of own devices",  # those that NetBox makes with a device have no tag yet
        ("change",),
        _object_types_by_path([Model.INTERFACE]),
        {"device__tags__slug": TAG_SLUG},
    ),
    Grant(
        "own changes", ("view",), {OBJECT_CHANGES: "core.objectchange"}, {"user_name": ACCOUNT_NAME}
    ),
    Grant("catalogue", ("view", "add"), _object_types_by_path(SHARED_MODELS)),
    Grant("ends of cables", ("view",), {CABLE_TERMINATIONS: "dcim.cabletermination"}),
    Grant(
        "what people put on own devices",  # it keeps these from being deleted
        ("view",),
        {**NON_INTERFACE_COMPONENTS, SERVICES: "ipam.service"},
        {"device__tags__slug": TAG_SLUG},
    ),
    Grant(
        "what people end at own ports",
        ("view",),
        {
            TUNNEL_TERMINATIONS: "vpn.tunneltermination",
            VIRTUAL_CIRCUIT_TERMINATIONS: "circuits.virtualcircuittermination",
        },
        {"interface__device__tags__slug": TAG_SLUG},
    ),
    Grant(
        "what people have in own networks",
        ("view",),
        {VM_INTERFACES: "virtualization.vminterface"},
        [{f"{field}__tags__slug": TAG_SLUG} for field in (*VLAN_FIELDS, *VRF_FIELDS)],
    ),
)

INVENTORY_ACCESS_ITEMS: Final = tuple(grant.permission for grant in INVENTORY_GRANTS)
