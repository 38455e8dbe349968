"""Parse inventory objects from GraphQL, and serialize them for the REST API."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from activities.netbox.client import Row
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import FieldValue, Model, PlannedObject, Ref
from fabrics.inventory.model.registry import PLANNED_CLASSES, SHARED_MODELS

DETAILS_FIELD: Final = "hh_details"
NOS_VERSION_FIELD: Final = "hh_nos_version"
DRIFT_FIELD: Final = "hh_drifted"

CUSTOM_FIELDS: Final[Mapping[str, str]] = {
    "details": DETAILS_FIELD,
    "nos_version": NOS_VERSION_FIELD,
    "drift": DRIFT_FIELD,
}
"""The custom fields that hold fields of planned objects."""

CREATE_OPTIONS: Final[Mapping[Model, Row]] = {Model.MODULE: {"replicate_components": False}}
"""Options of a request that creates an object.

People may add component templates to a module type. NetBox would make components of them, which lack the tag.
"""

REFERENCE_FIELDS: Final[Mapping[str, Model]] = {
    "site": Model.SITE,
    "role": Model.DEVICE_ROLE,
    "device_type": Model.DEVICE_TYPE,
    "manufacturer": Model.MANUFACTURER,
    "platform": Model.PLATFORM,
    "primary_ip4": Model.IP_ADDRESS,
    "oob_ip": Model.IP_ADDRESS,
    "device": Model.DEVICE,
    "module_bay": Model.MODULE_BAY,
    "module_type": Model.MODULE_TYPE,
    "lag": Model.INTERFACE,
    "parent": Model.INTERFACE,
    "vrf": Model.VRF,
    "group": Model.VLAN_GROUP,
    "vlan": Model.VLAN,
    "untagged_vlan": Model.VLAN,
    "tagged_vlans": Model.VLAN,
    "primary_mac_address": Model.MAC_ADDRESS,
}
"""Fields that refer to objects of one model. The `role` of an IP address is a text."""

FIELDS_RESET_WITH: Final[Mapping[tuple[Model, str], Row]] = {
    (Model.DEVICE, "site"): {"location": None, "rack": None, "position": None, "face": ""},
    (Model.INTERFACE, "mode"): {"qinq_svlan": None},
}
"""Values of people that are cleared when one of our fields changes; otherwise NetBox refuses the change.

A rack and a location are in one site; only the mode Q-in-Q, which no fabric uses, has a service VLAN.
"""

_INTERFACE_FRAGMENT: Final = "__typename ... on InterfaceType { id }"
_FIELD_SELECTIONS: Final[Mapping[str, str]] = {
    "assigned_object": f"assigned_object {{ {_INTERFACE_FRAGMENT} }}",
    "a_terminations": f"terminations {{ cable_end termination {{ {_INTERFACE_FRAGMENT} }} }}",
    "b_terminations": "",
    **dict.fromkeys(CUSTOM_FIELDS, ""),
}


def field_names(model: Model) -> list[str]:
    """Return the fields of a model that the inventory keeps."""
    return [field.name for field in fields(PLANNED_CLASSES[model]) if field.name != "key"]


def build_selection_set(model: Model) -> str:
    """Return the GraphQL selection set for the objects of a model."""
    ownership = "" if model in SHARED_MODELS else "custom_field_data tags { slug } "
    selections = (_field_selection(model, name) for name in field_names(model))
    return f"id {ownership}{' '.join(filter(None, selections))}"


def build_in_list(field: str, values: Iterable[str]) -> str:
    """Return a part of GraphQL filters: a field has one of these values."""
    return f"{field}: {{ in_list: {json.dumps(sorted(set(values)))} }}"


def build_catalogue_filters(model: Model, planned: Iterable[PlannedObject]) -> str:
    """Return GraphQL filters for shared objects that may be the planned ones.

    They have a slug of these, or the name of one in any case; types may have other manufacturers.
    """
    listed = [item.fields() for item in planned]
    name = "model" if "model" in field_names(model) else "name"
    names = "|".join(sorted({re.escape(str(stated[name])) for stated in listed}))
    by_name = f"{name}: {{ i_regex: {json.dumps(f'^({names})$')} }}"
    if "slug" not in field_names(model):
        return f"{{ {by_name} }}"
    by_slug = build_in_list("slug", (str(stated["slug"]) for stated in listed))
    return f"{{ {by_slug}, OR: {{ {by_name} }} }}"


def is_owned_by(row: Row, fabric_id: str) -> bool:
    """True if a row has the fabric's tag and id; NetBox ignores unknown filters."""
    tagged = any(tag["slug"] == TAG_SLUG for tag in row["tags"])
    return tagged and row["custom_field_data"].get(FABRIC_FIELD) == fabric_id


def parse_row(model: Model, row: Row) -> ExistingObject:
    """Return a row of a GraphQL list as an object; a shared one has no key."""
    values = {name: _parse_field(model, name, row) for name in field_names(model)}
    key = row.get("custom_field_data", {}).get(KEY_FIELD) or ""
    return ExistingObject(ObjectId(model, int(row["id"])), key, values)


def serialize_fields(
    model: Model, values: Mapping[str, FieldValue], get_id: Callable[[Ref], int]
) -> Row:
    """Return fields as REST takes them; `get_id` returns a referenced object's id."""
    row: Row = {}
    for name, value in values.items():
        if name not in CUSTOM_FIELDS:
            row |= _serialize_field(model, name, value, get_id)
    custom_fields = {
        field: values[name] or None for name, field in CUSTOM_FIELDS.items() if name in values
    }
    return row | ({"custom_fields": custom_fields} if custom_fields else {})


def _is_reference(model: Model, name: str) -> bool:
    return name in REFERENCE_FIELDS and not (model is Model.IP_ADDRESS and name == "role")


def _field_selection(model: Model, name: str) -> str:
    return _FIELD_SELECTIONS.get(name, f"{name} {{ id }}" if _is_reference(model, name) else name)


def _parse_field(model: Model, name: str, row: Row) -> Any:  # noqa: ANN401  whatever NetBox holds
    if name in CUSTOM_FIELDS:
        return row["custom_field_data"].get(CUSTOM_FIELDS[name])
    if name in ("a_terminations", "b_terminations"):
        ends = (end for end in row["terminations"] if end["cable_end"] == name[0].upper())
        return tuple(_parse_interface_id(end["termination"]) for end in ends)
    value = row[name]
    if name == "assigned_object":
        return _parse_interface_id(value) if value else None
    if name == "vid_ranges":
        return tuple(sorted(map(_parse_vid_range, value)))
    if _is_reference(model, name):
        return _parse_ids(REFERENCE_FIELDS[name], value)
    return value


def _parse_interface_id(value: Row | None) -> ObjectId:
    """Return the interface of a cable or an address; id 0 for anything else."""
    is_interface = value is not None and value["__typename"] == "InterfaceType"
    return ObjectId(Model.INTERFACE, int(value["id"]) if value and is_interface else 0)


def _parse_ids(model: Model, value: Any) -> ObjectId | tuple[ObjectId, ...] | None:  # noqa: ANN401
    if isinstance(value, list):
        return tuple(ObjectId(model, int(row["id"])) for row in value)
    return ObjectId(model, int(value["id"])) if value else None


def _parse_vid_range(text: str) -> tuple[int, int]:
    """Parse a range as PostgreSQL writes it: `[1000, 3000)` is 1000 to 2999."""
    first, last = map(int, re.findall(r"\d+", text))
    return first, last - 1


def _serialize_field(
    model: Model, name: str, value: FieldValue, get_id: Callable[[Ref], int]
) -> Row:
    if name == "assigned_object":
        interface = value if isinstance(value, Ref) else None
        return {
            "assigned_object_type": Model.INTERFACE if interface else None,
            "assigned_object_id": get_id(interface) if interface else None,
        }
    if name in ("a_terminations", "b_terminations"):
        ends = [end for end in value if isinstance(end, Ref)] if isinstance(value, tuple) else []
        return {name: [{"object_type": Model.INTERFACE, "object_id": get_id(end)} for end in ends]}
    return {name: _serialize_value(value, get_id)} | FIELDS_RESET_WITH.get((model, name), {})


def _serialize_value(value: FieldValue, get_id: Callable[[Ref], int]) -> object:
    if isinstance(value, Ref):
        return get_id(value)
    if isinstance(value, tuple):
        return [get_id(member) if isinstance(member, Ref) else list(member) for member in value]
    return value
