"""What a sync would write to NetBox now, for people to look at before it does."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from fabrics.inventory.compare.changes import Changes
from fabrics.inventory.model.existing import ExistingObject
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.plan import Plan

MAX_LISTED_WRITES: Final = 300
"""Writes that are named, some 40 KB: a message has its limits."""


class WriteAction(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class PlannedWrite(BaseModel, frozen=True):
    """One object: `what` is its NetBox model and `hh_key`, `fields` are those that change."""

    doing: WriteAction
    what: str
    fields: tuple[str, ...] = ()


class InventoryPreview(BaseModel, frozen=True):
    """All writes by number, the first ones by name, and how many objects have no form in NetBox.

    What is to be deleted has to be absent from three syncs in a row first. `held` says why a sync would
    do nothing at all.
    """

    counts: dict[WriteAction, int] = {}
    unchanged: int = 0
    skipped: int = 0
    writes: tuple[PlannedWrite, ...] = ()
    held: str = ""


def build_preview(
    plan: Plan, changes: Changes, absent: Iterable[ExistingObject]
) -> InventoryPreview:
    """What a sync would do that wants `plan`, and in the end deletes what is `absent`."""
    writes = [*_list_writes(changes), *_list_deletes(absent)]
    return InventoryPreview(
        counts={doing: sum(each.doing is doing for each in writes) for doing in WriteAction},
        unchanged=changes.unchanged,
        skipped=len(plan.skipped),
        writes=tuple(writes[:MAX_LISTED_WRITES]),
    )


def _list_writes(changes: Changes) -> Iterator[PlannedWrite]:
    """Each object once, however many writes it takes."""
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


def _list_deletes(absent: Iterable[ExistingObject]) -> Iterator[PlannedWrite]:
    for each in absent:
        yield PlannedWrite(doing=WriteAction.DELETE, what=f"{each.id.model} {each.key}")
