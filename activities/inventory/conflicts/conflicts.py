"""What stands in the way of an object that NetBox refuses: people's own objects are theirs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from activities.errors import PermanentError
from activities.inventory.conflicts.conflicting_objects import occupants
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.netbox.serializers import FABRIC, KEY
from activities.inventory.write.writer import MAX_MESSAGE, Written
from activities.netbox.client import Row
from activities.setup.views import TAG
from fabrics.inventory.model.planned import Ref, Wanted
from fabrics.inventory.model.registry import SHARED
from fabrics.inventory.report.report import Finding, Problem


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
) -> Iterator[Obstacle]:
    """What NetBox refused of the `wanted` objects, and what is in the way of each."""
    fields = {each.ref: each.fields() for each in wanted if each.ref in result.refused}
    there = occupants(netbox, fields, result.ids)
    for ref, done in result.refused.items():
        yield Obstacle(ref, done.reason, there.get(ref), is_new=done.write.id is None)


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
