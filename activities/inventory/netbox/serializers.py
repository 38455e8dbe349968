"""The inventory's objects as NetBox's GraphQL API shows them and as its REST API takes them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final

from activities.netbox.client import Row
from activities.setup.views import TAG
from fabrics.inventory.model.existing import Id, Stored
from fabrics.inventory.model.planned import Model, Ref, Value
from fabrics.inventory.model.registry import KINDS

FABRIC, KEY, DETAILS = "hh_fabric", "hh_key", "hh_details"

REFERS_TO: Final[Mapping[str, Model]] = {
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

BOUND: Final[Mapping[tuple[Model, str], Row]] = {
    (Model.DEVICE, "site"): {"location": None, "rack": None, "position": None, "face": ""},
    (Model.INTERFACE, "mode"): {"qinq_svlan": None},
}
"""What people set that is bound to the value of a field of ours, and is given up with it: else NetBox refuses
the new one. A rack and a location are in one site; only the mode Q-in-Q has a service VLAN, and no fabric it."""

_INTERFACE: Final = "__typename ... on InterfaceType { id }"
_SPECIAL: Final[Mapping[str, str]] = {
    "assigned_object": f"assigned_object {{ {_INTERFACE} }}",
    "a_terminations": f"terminations {{ cable_end termination {{ {_INTERFACE} }} }}",
    "b_terminations": "",
    "details": "",
}


def field_names(model: Model) -> list[str]:
    """The fields that the inventory has of a model."""
    return [each.name for each in fields(KINDS[model]) if each.name != "key"]


def selection(model: Model) -> str:
    """What GraphQL is asked for of every object of a model that is ours."""
    asked = (_asked(model, name) for name in field_names(model))
    return f"id custom_field_data tags {{ slug }} {' '.join(filter(None, asked))}"


def is_ours(row: Row, fabric_id: str) -> bool:
    """Whether a row has the marks of a fabric: NetBox ignores filters that it does not know."""
    tagged = any(tag["slug"] == TAG for tag in row["tags"])
    return tagged and row["custom_field_data"].get(FABRIC) == fabric_id


def stored(model: Model, row: Row) -> Stored:
    """A row of GraphQL."""
    values = {name: _read(model, name, row) for name in field_names(model)}
    key = row["custom_field_data"].get(KEY) or ""
    return Stored(Id(model, int(row["id"])), key, values)


def written(model: Model, values: Mapping[str, Value], number: Callable[[Ref], int]) -> Row:
    """Fields as REST takes them, with the `number` of every object that they refer to."""
    row: Row = {}
    for name, value in values.items():
        row |= _write(model, name, value, number)
    return row


def _is_reference(model: Model, name: str) -> bool:
    return name in REFERS_TO and not (model is Model.IP_ADDRESS and name == "role")


def _asked(model: Model, name: str) -> str:
    return _SPECIAL.get(name, f"{name} {{ id }}" if _is_reference(model, name) else name)


def _read(model: Model, name: str, row: Row) -> Any:  # noqa: ANN401  whatever NetBox holds
    if name == "details":
        return row["custom_field_data"].get(DETAILS)
    if name in ("a_terminations", "b_terminations"):
        ends = (end for end in row["terminations"] if end["cable_end"] == name[0].upper())
        return tuple(_interface(end["termination"]) for end in ends)
    value = row[name]
    if name == "assigned_object":
        return _interface(value) if value else None
    if name == "vid_ranges":
        return tuple(sorted(map(_vid_range, value)))
    if _is_reference(model, name):
        return _ids(REFERS_TO[name], value)
    return value


def _interface(value: Row | None) -> Id:
    """What a cable or an address is at. What is no interface gets a number that none has."""
    is_interface = value is not None and value["__typename"] == "InterfaceType"
    return Id(Model.INTERFACE, int(value["id"]) if value and is_interface else 0)


def _ids(model: Model, value: Any) -> Id | tuple[Id, ...] | None:  # noqa: ANN401
    if isinstance(value, list):
        return tuple(Id(model, int(each["id"])) for each in value)
    return Id(model, int(value["id"])) if value else None


def _vid_range(text: str) -> tuple[int, int]:
    """NetBox shows a range as PostgreSQL does: `[1000, 3000)` are 1000 to 2999."""
    first, last = map(int, re.findall(r"\d+", text))
    return first, last - 1


def _write(model: Model, name: str, value: Value, number: Callable[[Ref], int]) -> Row:
    if name == "details":
        return {"custom_fields": {DETAILS: value or None}}
    if name == "assigned_object":
        there = isinstance(value, Ref)
        return {
            "assigned_object_type": Model.INTERFACE if there else None,
            "assigned_object_id": number(value) if isinstance(value, Ref) else None,
        }
    if name in ("a_terminations", "b_terminations"):
        ends = value if isinstance(value, tuple) else ()
        return {
            name: [
                {"object_type": str(Model.INTERFACE), "object_id": number(end)}
                for end in ends
                if isinstance(end, Ref)
            ]
        }
    return {name: _plain(value, number)} | BOUND.get((model, name), {})


def _plain(value: Value, number: Callable[[Ref], int]) -> object:
    if isinstance(value, Ref):
        return number(value)
    if isinstance(value, tuple):
        return [number(each) if isinstance(each, Ref) else list(each) for each in value]
    return value
