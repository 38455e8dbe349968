"""A preview of what a pass would write to NetBox, for people to review."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import islice
from typing import Final

from pydantic import BaseModel

from fabrics.inventory.compare.changes import Changes
from fabrics.inventory.model.existing import ExistingObject
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.plan import Plan

MAX_LISTED_WRITES: Final = 300
MAX_LISTED_BYTES: Final = 40_000
"""The writes that are listed, and their size as JSON: the size of a message is limited."""


class WriteAction(StrEnum):
    """The action that a pass would take on an object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class PlannedWrite(BaseModel, frozen=True):
    """The writes of one object.

    `what` is its NetBox model and `hh_key`; `fields` are the names of those that change.
    """

    doing: WriteAction
    what: str
    fields: tuple[str, ...] = ()


class InventoryPreview(BaseModel, frozen=True):
    """The numbers of all writes, and a list of the first ones.

    `unchanged` counts objects in NetBox, `skipped` live objects that NetBox cannot show. An object is deleted
    only by the third pass in a row without it. `held` says why it would do nothing at all, or is empty.
    """

    counts: dict[WriteAction, int] = {}
    unchanged: int = 0
    skipped: int = 0
    writes: tuple[PlannedWrite, ...] = ()
    held: str = ""


def build_preview(
    plan: Plan, changes: Changes, absent: Iterable[ExistingObject]
) -> InventoryPreview:
    """Return what a pass would write for the plan, and the deletes of absent objects."""
    names = (f"{row.id.model} {row.key}" for row in absent)
    deletes = (PlannedWrite(doing=WriteAction.DELETE, what=name) for name in names)
    writes = [*_list_writes(changes), *deletes]
    return InventoryPreview(
        counts={action: sum(write.doing is action for write in writes) for action in WriteAction},
        unchanged=changes.unchanged,
        skipped=len(plan.skipped),
        writes=tuple(_take_fitting(writes)),
    )


def _take_fitting(writes: Iterable[PlannedWrite]) -> Iterator[PlannedWrite]:
    """Yield the first writes; names that Kubernetes allows may take a kilobyte each."""
    remaining_bytes = MAX_LISTED_BYTES
    for write in islice(writes, MAX_LISTED_WRITES):
        remaining_bytes -= len(write.model_dump_json().encode())
        if remaining_bytes < 0:
            return
        yield write


def _list_writes(changes: Changes) -> Iterator[PlannedWrite]:
    """Yield each object once, even if it takes several writes."""
    fields: dict[Ref, set[str]] = {}
    for stage in changes.stages:
        for write in stage:
            fields.setdefault(write.ref, set()).update(write.fields)
    for ref, changed in fields.items():
        what = f"{ref.model} {ref.key}"
        if ref in changes.existing_ids:
            yield PlannedWrite(doing=WriteAction.UPDATE, what=what, fields=tuple(sorted(changed)))
        else:
            yield PlannedWrite(doing=WriteAction.CREATE, what=what)
