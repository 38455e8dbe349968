"""Which objects of others have what an object of ours needs: a name, a number, a port's one cable.

Many are looked up at a time, since all of a fabric may be there already, made by hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import Row
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import FieldValue, Model, Ref

type UniqueConstraint = Mapping[str, str]
"""Fields which together only one object may have, each with the filter for it."""

type KeyValues = tuple[object, ...]
"""What an object has in the fields of an identity."""

UNIQUE_CONSTRAINTS: Final[Mapping[Model, Sequence[UniqueConstraint]]] = {
    Model.SITE: ({"slug": "slug"}, {"name": "name"}),
    Model.MANUFACTURER: ({"name": "name"},),
    Model.DEVICE_TYPE: ({"manufacturer": "manufacturer_id", "model": "model"},),
    Model.DEVICE_ROLE: ({"name": "name"},),
    Model.PLATFORM: ({"name": "name"},),
    Model.VLAN_GROUP: ({"name": "name"},),
    Model.VLAN: ({"group": "group_id", "vid": "vid"}, {"group": "group_id", "name": "name"}),
    Model.DEVICE: ({"site": "site_id", "name": "name__ie"},),
    Model.INTERFACE: ({"device": "device_id", "name": "name"},),
    Model.PREFIX: ({"vrf": "vrf_id", "prefix": "prefix"},),
    Model.IP_RANGE: ({"vrf": "vrf_id", "start_address": "start_address"},),
    Model.IP_ADDRESS: ({"vrf": "vrf_id", "address": "address"},),
    Model.CABLE: ({"a_terminations": "interface_id"}, {"b_terminations": "interface_id"}),
}
"""By which fields of a model NetBox tells objects apart."""

MAX_OBJECTS_PER_REQUEST: Final = 30
"""Objects that one request asks for: with names of 64 characters, its line stays below gunicorn's 4,094."""


def find_conflicting_objects(
    netbox: InventoryNetBox,
    planned_fields: Mapping[Ref, Mapping[str, FieldValue]],
    ids: Mapping[Ref, ObjectId],
) -> dict[Ref, Row]:
    """Others' objects in the places of the `wanted` ones, which have these fields; `ids` are ours."""
    found: dict[Ref, Row] = {}
    for model in dict.fromkeys(ref.model for ref in planned_fields):
        for identity in UNIQUE_CONSTRAINTS.get(model, ()):
            places = {
                ref: place
                for ref, fields in planned_fields.items()
                if ref.model is model and ref not in found
                for place in _planned_keys(identity, fields, ids)
            }
            for some in batched(places.items(), MAX_OBJECTS_PER_REQUEST):
                there = _fetch_by_key(netbox, model, identity, [place for _, place in some], ids)
                found |= {ref: there[place] for ref, place in some if place in there}
    return found


def _fetch_by_key(
    netbox: InventoryNetBox,
    model: Model,
    constraint: UniqueConstraint,
    keys: Sequence[KeyValues],
    ids: Mapping[Ref, ObjectId],
) -> dict[KeyValues, Row]:
    """What others have at these places, and at more where an identity is of several fields.

    Where it cannot be told, NetBox's own words have to do.
    """
    values = (list(dict.fromkeys(each)) for each in zip(*keys, strict=True))
    filters = dict(zip(constraint.values(), values, strict=True))
    ours = {known.number for known in ids.values() if known.model is model}
    try:
        rows = [row for row in netbox.list_rows(PATHS[model], **filters) if row["id"] not in ours]
    except (PermanentError, TransientError):
        return {}
    return {place: row for row in rows for place in _existing_keys(model, constraint, row)}


def _planned_keys(
    constraint: UniqueConstraint, fields: Mapping[str, FieldValue], ids: Mapping[Ref, ObjectId]
) -> Iterator[KeyValues]:
    """The place that an object is to have; none where it is not known."""
    values = [_comparable_value(fields.get(name), ids) for name in constraint]
    if None not in values:
        yield _fold_case(constraint, values)


def _comparable_value(value: FieldValue, ids: Mapping[Ref, ObjectId]) -> object:
    """A value as rows have it; None where it refers to what is not in NetBox."""
    one = value[0] if isinstance(value, tuple) and value else value
    if isinstance(one, Ref):
        return ids[one].number if one in ids else None
    return one


def _existing_keys(model: Model, constraint: UniqueConstraint, row: Row) -> Iterator[KeyValues]:
    """Where an object is; a cable is in the way by either end."""
    if model is Model.CABLE:
        ends = (*row["a_terminations"], *row["b_terminations"])
        yield from ((end["object_id"],) for end in ends if end["object_type"] == Model.INTERFACE)
        return
    values = (row[name] for name in constraint)
    yield _fold_case(
        constraint, [value["id"] if isinstance(value, dict) else value for value in values]
    )


def _fold_case(constraint: UniqueConstraint, values: Iterable[object]) -> KeyValues:
    """Values so that they are equal where NetBox takes them for equal: some it compares without case."""
    return tuple(
        str(value).lower() if name.endswith("__ie") else value
        for name, value in zip(constraint.values(), values, strict=True)
    )
