"""What stands in the way of an object that NetBox refuses: people's own objects are theirs."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.inventory.client import InventoryNetBox
from activities.inventory.models import PATHS
from activities.inventory.rows import FABRIC, KEY
from activities.inventory.writer import MAX_MESSAGE, Done, Written
from activities.netbox.client import Row
from activities.netbox.http import Gone, Refused
from activities.setup.views import TAG
from fabrics.inventory import Model, Ref
from fabrics.inventory.report import MAX_FINDINGS, Finding, Problem

IDENTITY: Final[Mapping[Model, Mapping[str, str]]] = {
    Model.SITE: {"slug": "slug"},
    Model.MANUFACTURER: {"name": "name"},
    Model.DEVICE_TYPE: {"manufacturer": "manufacturer_id", "model": "model"},
    Model.DEVICE_ROLE: {"name": "name"},
    Model.PLATFORM: {"name": "name"},
    Model.VLAN_GROUP: {"name": "name"},
    Model.VLAN: {"group": "group_id", "vid": "vid"},
    Model.DEVICE: {"site": "site_id", "name": "name__ie"},
    Model.INTERFACE: {"device": "device_id", "name": "name"},
    Model.PREFIX: {"vrf": "vrf_id", "prefix": "prefix"},
    Model.IP_RANGE: {"vrf": "vrf_id", "start_address": "start_address"},
    Model.IP_ADDRESS: {"vrf": "vrf_id", "address": "address"},
}
"""By which fields of a model NetBox tells objects apart, and the filters for them."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """An object that NetBox refused, why, and somebody else's that is in its place, if one was found.

    `kept` says why that did not become ours though it is offered.
    """

    ref: Ref
    reason: str
    row: Row | None
    kept: str = ""

    @property
    def is_offered(self) -> bool:
        """Whether a person has tagged that so that it becomes ours."""
        tags = self.row.get("tags", ()) if self.row else ()
        return any(tag["slug"] == TAG for tag in tags) and not self.owner

    @property
    def owner(self) -> str:
        """The fabric that it belongs to, if any."""
        fields = self.row.get("custom_fields", {}) if self.row else {}
        return fields.get(FABRIC) or ""


def obstacles(
    netbox: InventoryNetBox, result: Written, most: int = MAX_FINDINGS
) -> Iterator[Obstacle]:
    """What NetBox refused. What is in the way is looked up for so many of it, since each is a request."""
    for place, (ref, done) in enumerate(result.refused.items()):
        row = _in_place_of(netbox, done, result) if place < most else None
        yield Obstacle(ref, done.reason, row)


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
        except (Refused, Gone) as error:
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


def _in_place_of(netbox: InventoryNetBox, done: Done, result: Written) -> Row | None:
    """Another's object that has what tells this one apart."""
    model, fields = done.write.ref.model, done.write.fields
    if model is Model.CABLE:
        return _other_cable(netbox, done, result)
    if not IDENTITY.get(model) or not IDENTITY[model].keys() <= fields.keys():
        return None
    filters = {
        name: result.ids[value].number if isinstance(value := fields[field], Ref) else value
        for field, name in IDENTITY[model].items()
    }
    return _first(lambda: netbox.rows(PATHS[model], **filters), done, result)


def _other_cable(netbox: InventoryNetBox, done: Done, result: Written) -> Row | None:
    ends = [
        result.ids[end].number
        for name in ("a_terminations", "b_terminations")
        for end in _ends(done.write.fields.get(name))
    ]
    if not ends:
        return None
    return _first(lambda: netbox.rows(PATHS[Model.CABLE], interface_id=ends), done, result)


def _ends(value: object) -> Iterator[Ref]:
    yield from (
        each for each in (value if isinstance(value, tuple) else ()) if isinstance(each, Ref)
    )


def _first(look: Callable[[], Iterator[Row]], done: Done, result: Written) -> Row | None:
    """The first that is not ours. Where it cannot be told, NetBox's own words have to do."""
    ours = {known.number for ref, known in result.ids.items() if ref.model is done.write.ref.model}
    try:
        return next((row for row in look() if row["id"] not in ours), None)
    except (PermanentError, TransientError):
        return None
