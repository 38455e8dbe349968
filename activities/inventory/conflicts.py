"""Explain NetBox's refusals, and adopt conflicting objects that people offer.

An object conflicts if it has what ours needs: a name, a VLAN id, the one cable of a port. One request
looks up many, since all of a fabric may exist already, made by hand.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import batched
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.read.reader import Reader
from activities.inventory.write.writer import MAX_MESSAGE_CHARS, WriteResult
from activities.netbox.client import Row
from fabrics.inventory.model.dcim import Interface
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import FieldValue, Model, PlannedObject, Ref
from fabrics.inventory.model.registry import SHARED_MODELS, describe_ref
from fabrics.inventory.plan.ports import is_first_lane, strip_lane
from fabrics.inventory.report.report import Finding, FindingType

type UniqueConstraint = Mapping[str, str]
"""Fields whose values only one object may have together, each with its REST filter."""

type KeyValues = tuple[object, ...]
"""An object's values of the fields of a unique constraint."""

UNIQUE_CONSTRAINTS: Final[Mapping[Model, Sequence[UniqueConstraint]]] = {
    Model.SITE: ({"slug": "slug"}, {"name": "name"}),
    Model.MANUFACTURER: ({"name": "name"},),
    Model.DEVICE_TYPE: ({"manufacturer": "manufacturer_id", "model": "model"},),
    Model.MODULE_TYPE: ({"manufacturer": "manufacturer_id", "model": "model"},),
    Model.DEVICE_ROLE: ({"name": "name"},),
    Model.PLATFORM: ({"name": "name"},),
    Model.VLAN_GROUP: ({"name": "name"},),
    Model.VLAN: ({"group": "group_id", "vid": "vid"}, {"group": "group_id", "name": "name"}),
    Model.DEVICE: ({"site": "site_id", "name": "name__ie"},),
    Model.INTERFACE: ({"device": "device_id", "name": "name"},),
    Model.PREFIX: ({"vrf": "vrf_id", "prefix": "prefix"},),
    Model.IP_RANGE: ({"vrf": "vrf_id", "start_address": "start_address"},),
    Model.IP_ADDRESS: ({"vrf": "vrf_id", "address": "address"},),
    Model.MODULE_BAY: ({"device": "device_id", "name": "name"},),
    Model.MODULE: ({"module_bay": "module_bay_id"},),
    Model.CABLE: ({"a_terminations": "interface_id"}, {"b_terminations": "interface_id"}),
}
"""The unique constraints of NetBox's models."""

MAX_OBJECTS_PER_REQUEST: Final = 30
"""With names of 64 characters, the request line stays below gunicorn's limit of 4,094."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object that NetBox refused for `reason`; `row` is the one in its `place`.

    Only an object that was to be created (`is_new`) can be replaced by adopting the other one;
    `adoption_error` says why that failed.
    """

    ref: Ref
    reason: str
    row: Row | None
    is_new: bool
    place: str = "is in its place"
    adoption_error: str = ""

    @property
    def is_adoptable(self) -> bool:
        """True if a person offers the conflicting object by our tag."""
        if self.row is None or not self.is_new or self.ref.model in SHARED_MODELS:
            return False
        tags = self.row.get("tags", ())
        return any(tag["slug"] == TAG_SLUG for tag in tags) and not self.owner

    @property
    def owner(self) -> str:
        """The id of the fabric that owns the conflicting object; empty if none does."""
        fields = self.row.get("custom_fields", {}) if self.row else {}
        return fields.get(FABRIC_FIELD) or ""


def find_conflicts(
    netbox: InventoryNetBox, result: WriteResult, planned: Iterable[PlannedObject]
) -> Iterator[Conflict]:
    """Yield a conflict for each planned object that NetBox refused."""
    refused_objects = [item for item in planned if item.ref in result.refused]
    rows = _find_conflicting_rows(netbox, refused_objects, result.ids)
    for ref, refused in result.refused.items():
        yield Conflict(ref, refused.reason, rows.get(ref), is_new=refused.write.id is None)


def find_undivided_ports(
    reader: Reader, planned: Iterable[PlannedObject], ids: Mapping[Ref, ObjectId]
) -> Iterator[Conflict]:
    """Yield a conflict for each port of others that is beside its own lanes.

    NetBox refuses neither, since their names differ. To adopt the port would help nobody: its lanes are there.
    """
    lanes = {
        (ids[port.device].number, strip_lane(port.name)): port.ref
        for port in planned
        if isinstance(port, Interface) and is_first_lane(port.name) and port.device in ids
    }
    if not lanes:
        return
    try:
        rows = list(reader.list_interfaces(name for _, name in lanes))
    except (PermanentError, TransientError):  # everything is written, and a later pass finds them
        return
    for row in rows:
        lane, fields = lanes.get((int(row["device"]["id"]), row["name"])), row["custom_field_data"]
        if lane and not fields.get(FABRIC_FIELD):
            port = {"id": int(row["id"]), "display": row["name"], "tags": row["tags"]}
            place = "is the whole port beside its lanes"
            yield Conflict(lane, "", port | {"custom_fields": fields}, is_new=False, place=place)


def adopt(
    netbox: InventoryNetBox, conflicts: Iterable[Conflict], fabric_id: str, message: str
) -> Iterator[Conflict]:
    """Adopt the objects that people offer, and yield the remaining conflicts.

    The next pass brings adopted objects up to date.
    """
    for conflict in conflicts:
        if conflict.row is None or not conflict.is_adoptable:
            yield conflict
            continue
        ownership = {FABRIC_FIELD: fabric_id, KEY_FIELD: conflict.ref.key}
        fields = {"custom_fields": ownership, "changelog_message": message[:MAX_MESSAGE_CHARS]}
        try:
            netbox.update(PATHS[conflict.ref.model], conflict.row["id"], fields)
        except PermanentError as error:
            yield replace(conflict, adoption_error=str(error))


def build_findings(
    netbox: InventoryNetBox, conflicts: Iterable[Conflict], result: WriteResult
) -> Iterator[Finding]:
    """Yield a finding for each object that was not written."""
    for conflict in conflicts:
        problem, why = _explain(netbox, conflict)
        yield Finding(problem=problem, what=describe_ref(conflict.ref), why=why)
    for ref, missing in result.missing_references.items():
        why = f"needs {describe_ref(missing)}, which is not in NetBox"
        yield Finding(problem=FindingType.WAITING, what=describe_ref(ref), why=why)


def _explain(netbox: InventoryNetBox, conflict: Conflict) -> tuple[FindingType, str]:
    row, owner = conflict.row, conflict.owner
    if row is None:
        return FindingType.FAILED, conflict.reason
    name = f"{row['display']} ({netbox.url}/{PATHS[conflict.ref.model]}/{row['id']}/)"
    problem = FindingType.CONFLICT
    if conflict.adoption_error:
        problem, state = FindingType.FAILED, f"could not be adopted: {conflict.adoption_error}"
    elif conflict.is_adoptable:
        problem, state = FindingType.ADOPTABLE, f"is tagged {TAG_SLUG}: it can be adopted"
    else:
        state = f"belongs to the fabric {owner}" if owner else "was made by somebody else"
    return problem, f"{name} {conflict.place} and {state}"


def _find_conflicting_rows(
    netbox: InventoryNetBox, planned: Sequence[PlannedObject], ids: Mapping[Ref, ObjectId]
) -> dict[Ref, Row]:
    """Return objects of others with unique keys of planned ones; `ids` are ours."""
    conflicting: dict[Ref, Row] = {}
    for model in dict.fromkeys(item.MODEL for item in planned):
        for constraint in UNIQUE_CONSTRAINTS.get(model, ()):
            keys = {
                item.ref: key
                for item in planned
                if item.MODEL is model and item.ref not in conflicting
                for key in _planned_keys(constraint, item.fields(), ids)
            }
            for batch in batched(keys.items(), MAX_OBJECTS_PER_REQUEST):
                rows = _fetch_by_key(netbox, model, constraint, [key for _, key in batch], ids)
                conflicting |= {ref: rows[key] for ref, key in batch if key in rows}
    return conflicting


def _fetch_by_key(
    netbox: InventoryNetBox,
    model: Model,
    constraint: UniqueConstraint,
    keys: Sequence[KeyValues],
    ids: Mapping[Ref, ObjectId],
) -> dict[KeyValues, Row]:
    """Return objects of others by key: those with these keys, and maybe more.

    Empty if the request fails: then NetBox's reason for the refusal must suffice.
    """
    values = (list(dict.fromkeys(column)) for column in zip(*keys, strict=True))
    filters = dict(zip(constraint.values(), values, strict=True))
    ours = {object_id.number for object_id in ids.values() if object_id.model is model}
    try:
        rows = [row for row in netbox.list_rows(PATHS[model], **filters) if row["id"] not in ours]
    except (PermanentError, TransientError):
        return {}
    return {key: row for row in rows for key in _existing_keys(model, constraint, row)}


def _planned_keys(
    constraint: UniqueConstraint, fields: Mapping[str, FieldValue], ids: Mapping[Ref, ObjectId]
) -> Iterator[KeyValues]:
    """Yield the key of a planned object, if all its values are known."""
    values = [_comparable_value(fields.get(name), ids) for name in constraint]
    if None not in values:
        yield _fold_case(constraint, values)


def _comparable_value(value: FieldValue, ids: Mapping[Ref, ObjectId]) -> object:
    """Return a value as rows hold it; None for a reference that NetBox lacks."""
    first = value[0] if isinstance(value, tuple) and value else value
    if isinstance(first, Ref):
        return ids[first].number if first in ids else None
    return first


def _existing_keys(model: Model, constraint: UniqueConstraint, row: Row) -> Iterator[KeyValues]:
    """Yield the keys of an existing object; a cable conflicts by each of its ends."""
    if model is Model.CABLE:
        ends = (*row["a_terminations"], *row["b_terminations"])
        yield from ((end["object_id"],) for end in ends if end["object_type"] == Model.INTERFACE)
        return
    values = (row[name] for name in constraint)
    yield _fold_case(constraint, (v["id"] if isinstance(v, dict) else v for v in values))


def _fold_case(constraint: UniqueConstraint, values: Iterable[object]) -> KeyValues:
    """Return values as a key, in lower case where NetBox ignores case."""
    return tuple(
        str(value).lower() if name.endswith("__ie") else value
        for name, value in zip(constraint.values(), values, strict=True)
    )
