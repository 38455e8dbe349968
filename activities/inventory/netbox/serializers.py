"""The inventory's objects as NetBox's GraphQL API shows them and as its REST API takes them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from activities.netbox.client import Row
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import FieldValue, Model, Ref
from fabrics.inventory.model.registry import PLANNED_CLASSES

DETAILS_FIELD = "hh_details"

REFERENCE_FIELDS: Final[Mapping[str, Model]] = {
    "site": Model.SITE,
    "role": Model.DEVICE_ROLE,
    "device_type": Model.DEVICE_TYPE,
    "manufacturer": Model.MANUFACTURER,
    "platform": Model.PLATFORM,
    "primary_ip4": Model.IP_ADDRESS,
    "oob_ip": Model.IP_ADDRESS,
    "device": Model.DEVICE,
    "lag": Model.INTERFACE,
    "parent": Model.INTERFACE,
    "vrf": Model.VRF,
    "group": Model.VLAN_GROUP,
    "vlan": Model.VLAN,
    "untagged_vlan": Model.VLAN,
    "tagged_vlans": Model.VLAN,
    "primary_mac_address": Model.MAC_ADDRESS,
}
"""The fields that refer to objects of one model. An address has a `role` too, which is a text."""

FIELDS_RESET_WITH: Final[Mapping[tuple[Model, str], Row]] = {
    (Model.DEVICE, "site"): {"location": None, "rack": None, "position": None, "face": ""},
    (Model.INTERFACE, "mode"): {"qinq_svlan": None},
}
"""What people set that is bound to the value of a field of ours, and is given up with it: else NetBox refuses
the new one. A rack and a location are in one site; only the mode Q-in-Q has a service VLAN, and no fabric it."""

_INTERFACE_FRAGMENT: Final = "__typename ... on InterfaceType { id }"
_FIELD_SELECTIONS: Final[Mapping[str, str]] = {
    "assigned_object": f"assigned_object {{ {_INTERFACE_FRAGMENT} }}",
    "a_terminations": f"terminations {{ cable_end termination {{ {_INTERFACE_FRAGMENT} }} }}",
    "b_terminations": "",
    "details": "",
}


def field_names(model: Model) -> list[str]:
    """The fields that the inventory has of a model."""
    return [each.name for each in fields(PLANNED_CLASSES[model]) if each.name != "key"]


def build_selection_set(model: Model) -> str:
    """What GraphQL is asked for of every object of a model that is ours."""
    asked = (_field_selection(model, name) for name in field_names(model))
    return f"id custom_field_data tags {{ slug }} {' '.join(filter(None, asked))}"


def is_owned_by(row: Row, fabric_id: str) -> bool:
    """Whether a row has the marks of a fabric: NetBox ignores filters that it does not know."""
    tagged = any(tag["slug"] == TAG_SLUG for tag in row["tags"])
    return tagged and row["custom_field_data"].get(FABRIC_FIELD) == fabric_id


def parse_graphql_row(model: Model, row: Row) -> ExistingObject:
    """A row of GraphQL."""
    values = {name: _parse_field(model, name, row) for name in field_names(model)}
    key = row["custom_field_data"].get(KEY_FIELD) or ""
    return ExistingObject(ObjectId(model, int(row["id"])), key, values)


def serialize_fields(
    model: Model, values: Mapping[str, FieldValue], get_id: Callable[[Ref], int]
) -> Row:
    """Fields as REST takes them, with the `number` of every object that they refer to."""
    row: Row = {}
    for name, value in values.items():
        row |= _serialize_field(model, name, value, get_id)
    return row


def _is_reference(model: Model, name: str) -> bool:
    return name in REFERENCE_FIELDS and not (model is Model.IP_ADDRESS and name == "role")


def _field_selection(model: Model, name: str) -> str:
    return _FIELD_SELECTIONS.get(name, f"{name} {{ id }}" if _is_reference(model, name) else name)


def _parse_field(model: Model, name: str, row: Row) -> Any:  # noqa: ANN401  whatever NetBox holds
    if name == "details":
        return row["custom_field_data"].get(DETAILS_FIELD)
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
    """What a cable or an address is at. What is no interface gets a number that none has."""
    is_interface = value is not None and value["__typename"] == "InterfaceType"
    return ObjectId(Model.INTERFACE, int(value["id"]) if value and is_interface else 0)


def _parse_ids(model: Model, value: Any) -> ObjectId | tuple[ObjectId, ...] | None:  # noqa: ANN401
    if isinstance(value, list):
        return tuple(ObjectId(model, int(each["id"])) for each in value)
    return ObjectId(model, int(value["id"])) if value else None


def _parse_vid_range(text: str) -> tuple[int, int]:
    """NetBox shows a range as PostgreSQL does: `[1000, 3000)` are 1000 to 2999."""
    first, last = map(int, re.findall(r"\d+", text))
    return first, last - 1


def _serialize_field(
    model: Model, name: str, value: FieldValue, get_id: Callable[[Ref], int]
) -> Row:
    if name == "details":
        return {"custom_fields": {DETAILS_FIELD: value or None}}
    if name == "assigned_object":
        there = isinstance(value, Ref)
        return {
            "assigned_object_type": Model.INTERFACE if there else None,
            "assigned_object_id": get_id(value) if isinstance(value, Ref) else None,
        }
    if name in ("a_terminations", "b_terminations"):
        ends = value if isinstance(value, tuple) else ()
        return {
            name: [
                {"object_type": str(Model.INTERFACE), "object_id": get_id(end)}
                for end in ends
                if isinstance(end, Ref)
            ]
        }
    return {name: _serialize_value(value, get_id)} | FIELDS_RESET_WITH.get((model, name), {})


def _serialize_value(value: FieldValue, get_id: Callable[[Ref], int]) -> object:
    if isinstance(value, Ref):
        return get_id(value)
    if isinstance(value, tuple):
        return [get_id(each) if isinstance(each, Ref) else list(each) for each in value]
    return value
