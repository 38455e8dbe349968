"""Custom fields and permissions for the objects of inventories."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from activities.inventory.netbox import endpoints
from activities.inventory.netbox.serializers import DRIFT_FIELD, NOS_VERSION_FIELD
from activities.setup.access import ACCOUNT_NAME, Grant
from activities.setup.fields import managed_field
from activities.setup.items import Item
from activities.setup.views import TAG_ITEM
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import (
    MODELS_WITH_DETAILS,
    MODELS_WITH_DRIFT,
    OWNED_MODELS,
    SHARED_MODELS,
)


def _ownership_field(name: str, label: str, description: str) -> Item:
    """Return a field that marks our objects; without it they would be nobody's."""
    needed = {"object_types": list(OWNED_MODELS), "filter_logic": "exact"}
    field = managed_field(name, "text", label, description, needed)
    return replace(field, kept_while_tagged=TAG_ITEM)


INVENTORY_FIELD_ITEMS: Final = (
    _ownership_field(FABRIC_FIELD, "Fabric", "ID of the fabric that this object belongs to."),
    _ownership_field(KEY_FIELD, "Shows", "Key of the fabric's object that this one represents."),
    managed_field(
        "hh_details",
        "json",
        "Details",
        "Values that NetBox has no field for.",
        {"object_types": list(MODELS_WITH_DETAILS)},
    ),
    managed_field(
        NOS_VERSION_FIELD,
        "text",
        "NOS version",
        "Version of the network operating system, as the switch reports it.",
        {"object_types": [Model.DEVICE]},
    ),
    managed_field(
        DRIFT_FIELD,
        "text",
        "Drift",
        "That the fabric's object differs from Git, since when, and how to see it; after two syncs that found it.",
        {"object_types": list(MODELS_WITH_DRIFT), "filter_logic": "exact"},
    ),
)

DRIFT_FILTER_ITEM: Final = Item(
    "extras/saved-filters",
    {"slug": "drifted-objects"},
    needed={"object_types": list(MODELS_WITH_DRIFT)},  # NetBox returns them in an order of its own
    defaults={
        "name": "Drifted objects",
        "parameters": {f"cf_{DRIFT_FIELD}__empty": ["false"]},
        "shared": True,
    },
)


def _object_types_by_path(models: Iterable[Model]) -> dict[str, str]:
    return {endpoints.PATHS[model]: model for model in models}


def _constrain_to_changes_of(model: Model) -> dict[str, str]:
    app_label, _, name = model.partition(".")
    return {"changed_object_type__app_label": app_label, "changed_object_type__model": name}


_NETWORK_FIELDS: Final = (*endpoints.VLAN_FIELDS, *endpoints.VRF_FIELDS)

_COMPONENTS_WITHOUT_MODULE: Final = {
    path: endpoints.NON_INTERFACE_COMPONENTS[path]
    for path in sorted(endpoints.COMPONENTS_WITHOUT_MODULE)
}
_MODULAR_COMPONENTS: Final = {
    path: object_type
    for path, object_type in endpoints.NON_INTERFACE_COMPONENTS.items()
    if path not in endpoints.COMPONENTS_WITHOUT_MODULE and object_type not in OWNED_MODELS
}

INVENTORY_GRANTS: Final = (
    Grant("inventory", ("view",), _object_types_by_path(OWNED_MODELS)),
    Grant(
        "own inventory",
        ("add", "change", "delete"),
        _object_types_by_path(OWNED_MODELS),
        {"tags__slug": TAG_SLUG},
    ),
    Grant(
        "ports of own devices",  # those that NetBox creates with a device have no tag yet
        ("change",),
        _object_types_by_path([Model.INTERFACE]),
        {"device__tags__slug": TAG_SLUG},
    ),
    Grant(
        "changes of the inventory",
        ("view",),
        {endpoints.OBJECT_CHANGES: "core.objectchange"},
        [{"user_name": ACCOUNT_NAME}, *map(_constrain_to_changes_of, OWNED_MODELS)],
    ),
    Grant("catalogue", ("view", "add"), _object_types_by_path(SHARED_MODELS)),
    Grant("ends of cables", ("view",), {endpoints.CABLE_TERMINATIONS: "dcim.cabletermination"}),
    Grant(
        "objects of people on own devices",  # which then must not be deleted
        ("view",),
        _COMPONENTS_WITHOUT_MODULE | {endpoints.SERVICES: "ipam.service"},
        {"device__tags__slug": TAG_SLUG},
    ),
    Grant(
        "components of people on own devices and modules",  # a module may have moved to another device
        ("view",),
        _MODULAR_COMPONENTS,
        [{"device__tags__slug": TAG_SLUG}, {"module__tags__slug": TAG_SLUG}],
    ),
    Grant(
        "terminations of people at own ports",
        ("view",),
        {
            endpoints.TUNNEL_TERMINATIONS: "vpn.tunneltermination",
            endpoints.VIRTUAL_CIRCUIT_TERMINATIONS: "circuits.virtualcircuittermination",
        },
        {"interface__device__tags__slug": TAG_SLUG},
    ),
    Grant(
        "objects of people in own networks",
        ("view",),
        {endpoints.VM_INTERFACES: "virtualization.vminterface"},
        [{f"{field}__tags__slug": TAG_SLUG} for field in _NETWORK_FIELDS],
    ),
)

INVENTORY_ACCESS_ITEMS: Final = tuple(grant.permission for grant in INVENTORY_GRANTS)
