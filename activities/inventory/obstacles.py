"""What stands in the way of an object that NetBox refuses: people's own objects are theirs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.inventory.client import InventoryNetBox
from activities.inventory.models import PATHS
from activities.inventory.rows import FABRIC, KEY
from activities.inventory.writer import MAX_MESSAGE, Written
from activities.netbox.client import Row
from activities.setup.views import TAG
from fabrics.inventory import Model, Ref
from fabrics.inventory.kinds import SHARED
from fabrics.inventory.report import MAX_FINDINGS, Finding, Problem
from fabrics.inventory.stored import Id
from fabrics.inventory.wanted import Value, Wanted

IDENTITY: Final[Mapping[Model, Sequence[Mapping[str, str]]]] = {
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
}
"""By which fields of a model NetBox tells objects apart, each way with the filters for it."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An object that NetBox refused, why, and somebody else's that is in its place, if one was found.

    `is_new` tells that ours was to be created, so that the other may become it. `kept` says why that did not
    become ours though it is offered.
    """

    ref: Ref
    reason: str
    row: Row | None
    is_new: bool
    kept: str = ""

    @property
    def is_offered(self) -> bool:
        """Whether a person has tagged that so that it becomes ours."""
        if self.row is None or not self.is_new or self.ref.model in SHARED:
            return False
        tags = self.row.get("tags", ())
        return any(tag["slug"] == TAG for tag in tags) and not self.owner

    @property
    def owner(self) -> str:
        """The fabric that it belongs to, if any."""
        fields = self.row.get("custom_fields", {}) if self.row else {}
        return fields.get(FABRIC) or ""


def obstacles(
    netbox: InventoryNetBox,
    result: Written,
    wanted: Iterable[Wanted],
    most: int = MAX_FINDINGS,
) -> Iterator[Obstacle]:
    """What NetBox refused of the `wanted` objects. What is in the way is looked up for so many of it, since
    each is a request."""
    fields = {each.ref: each.fields() for each in wanted if each.ref in result.refused}
    for place, (ref, done) in enumerate(result.refused.items()):
        row = _in_place_of(netbox, ref, fields.get(ref, {}), result) if place < most else None
        yield Obstacle(ref, done.reason, row, is_new=done.write.id is None)


def adopt(
    netbox: InventoryNetBox, met: Iterable[Obstacle], fabric_id: str, message: str
) -> Iterator[Obstacle]:
    """Make ours what people offer, which the next sync brings up to date; what is still in the way."""
    for each in met:
        if each.row is None or not each.is_offered:
            yield each
            continue
        marks = {FABRIC: fabric_id, KEY: each.ref.key}
        fields = {"custom_fields": marks, "changelog_message": message[:MAX_MESSAGE]}
        try:
            netbox.change(PATHS[each.ref.model], each.row["id"], fields)
        except PermanentError as error:
            yield replace(each, kept=str(error))


def findings(
    netbox: InventoryNetBox, met: Iterable[Obstacle], result: Written
) -> Iterator[Finding]:
    """Why objects were not written."""
    for each in met:
        yield _finding(netbox, each)
    for ref, missing in result.orphaned.items():
        why = f"needs {missing.key}, which is not in NetBox"
        yield Finding(problem=Problem.FAILED, what=ref.key, why=why)


def _finding(netbox: InventoryNetBox, obstacle: Obstacle) -> Finding:
    ref, row = obstacle.ref, obstacle.row
    if row is None:
        return Finding(problem=Problem.FAILED, what=ref.key, why=obstacle.reason)
    name = f"{row['display']} ({netbox.url}/{PATHS[ref.model]}/{row['id']}/)"
    if obstacle.kept:
        why = f"{name} is in its place, and could not be adopted: {obstacle.kept}"
        return Finding(problem=Problem.FAILED, what=ref.key, why=why)
    if obstacle.is_offered:
        why = f"{name} is in its place, tagged {TAG}: it can be adopted"
        return Finding(problem=Problem.ADOPTABLE, what=ref.key, why=why)
    owner = obstacle.owner
    whose = f"belongs to the fabric {owner}" if owner else "was made by somebody else"
    why = f"{name} is in its place and {whose}"
    return Finding(problem=Problem.CONFLICT, what=ref.key, why=why)


def _in_place_of(
    netbox: InventoryNetBox, ref: Ref, fields: Mapping[str, Value], result: Written
) -> Row | None:
    """Another's object that has what tells this one apart.

    Where it cannot be told, NetBox's own words have to do.
    """
    ours = {known.number for each, known in result.ids.items() if each.model is ref.model}
    try:
        found = (
            row
            for filters in _filters(ref.model, fields, result.ids)
            for row in netbox.rows(PATHS[ref.model], **filters)
        )
        return next((row for row in found if row["id"] not in ours), None)
    except (PermanentError, TransientError):
        return None


def _filters(model: Model, fields: Mapping[str, Value], ids: Mapping[Ref, Id]) -> Iterator[Row]:
    if model is Model.CABLE:
        names = ("a_terminations", "b_terminations")
        ends = [ids[end].number for name in names for end in _ends(fields.get(name)) if end in ids]
        if ends:
            yield {"interface_id": ends}
    known = {
        name: ids[value].number if isinstance(value, Ref) else value
        for name, value in fields.items()
        if value is not None and (not isinstance(value, Ref) or value in ids)
    }
    for identity in IDENTITY.get(model, ()):
        if identity.keys() <= known.keys():
            yield {name: known[field] for field, name in identity.items()}


def _ends(value: object) -> Iterator[Ref]:
    yield from (
        each for each in (value if isinstance(value, tuple) else ()) if isinstance(each, Ref)
    )
