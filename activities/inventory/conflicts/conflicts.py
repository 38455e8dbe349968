"""What stands in the way of an object that NetBox refuses: people's own objects are theirs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from activities.errors import PermanentError
from activities.inventory.conflicts.conflicting_objects import find_conflicting_objects
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.write.writer import MAX_MESSAGE_CHARS, WriteResult
from activities.netbox.client import Row
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import PlannedObject, Ref
from fabrics.inventory.model.registry import SHARED_MODELS
from fabrics.inventory.report.report import Finding, FindingType


@dataclass(frozen=True, slots=True)
class Conflict:
    """An object that NetBox refused, why, and somebody else's that is in its place, if one was found.

    `is_new` tells that ours was to be created, so that the other may become it. `kept` says why that did not
    become ours though it is offered.
    """

    ref: Ref
    reason: str
    row: Row | None
    is_new: bool
    adoption_error: str = ""

    @property
    def is_adoptable(self) -> bool:
        """Whether a person has tagged that so that it becomes ours."""
        if self.row is None or not self.is_new or self.ref.model in SHARED_MODELS:
            return False
        tags = self.row.get("tags", ())
        return any(tag["slug"] == TAG_SLUG for tag in tags) and not self.owner

    @property
    def owner(self) -> str:
        """The fabric that it belongs to, if any."""
        fields = self.row.get("custom_fields", {}) if self.row else {}
        return fields.get(FABRIC_FIELD) or ""


def find_conflicts(
    netbox: InventoryNetBox,
    result: WriteResult,
    planned: Iterable[PlannedObject],
) -> Iterator[Conflict]:
    """What NetBox refused of the `wanted` objects, and what is in the way of each."""
    fields = {each.ref: each.fields() for each in planned if each.ref in result.refused}
    there = find_conflicting_objects(netbox, fields, result.ids)
    for ref, done in result.refused.items():
        yield Conflict(ref, done.reason, there.get(ref), is_new=done.write.id is None)


def adopt(
    netbox: InventoryNetBox, conflicts: Iterable[Conflict], fabric_id: str, message: str
) -> Iterator[Conflict]:
    """Make ours what people offer, which the next sync brings up to date; what is still in the way."""
    for each in conflicts:
        if each.row is None or not each.is_adoptable:
            yield each
            continue
        marks = {FABRIC_FIELD: fabric_id, KEY_FIELD: each.ref.key}
        fields = {"custom_fields": marks, "changelog_message": message[:MAX_MESSAGE_CHARS]}
        try:
            netbox.update(PATHS[each.ref.model], each.row["id"], fields)
        except PermanentError as error:
            yield replace(each, adoption_error=str(error))


def build_findings(
    netbox: InventoryNetBox, conflicts: Iterable[Conflict], result: WriteResult
) -> Iterator[Finding]:
    """Why objects were not written."""
    for each in conflicts:
        yield _build_finding(netbox, each)
    for ref, missing in result.missing_references.items():
        why = f"needs {missing.key}, which is not in NetBox"
        yield Finding(problem=FindingType.FAILED, what=ref.key, why=why)


def _build_finding(netbox: InventoryNetBox, conflict: Conflict) -> Finding:
    ref, row = conflict.ref, conflict.row
    if row is None:
        return Finding(problem=FindingType.FAILED, what=ref.key, why=conflict.reason)
    name = f"{row['display']} ({netbox.url}/{PATHS[ref.model]}/{row['id']}/)"
    if conflict.adoption_error:
        why = f"{name} is in its place, and could not be adopted: {conflict.adoption_error}"
        return Finding(problem=FindingType.FAILED, what=ref.key, why=why)
    if conflict.is_adoptable:
        why = f"{name} is in its place, tagged {TAG_SLUG}: it can be adopted"
        return Finding(problem=FindingType.ADOPTABLE, what=ref.key, why=why)
    owner = conflict.owner
    whose = f"belongs to the fabric {owner}" if owner else "was made by somebody else"
    why = f"{name} is in its place and {whose}"
    return Finding(problem=FindingType.CONFLICT, what=ref.key, why=why)
