"""What a sync would write to NetBox now, for people to look at before it does."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final

from pydantic import BaseModel

from fabrics.inventory.compare.changes import Changes
from fabrics.inventory.model.existing import Stored
from fabrics.inventory.model.planned import Ref
from fabrics.inventory.plan.plan import Plan

MAX_NAMED: Final = 300
"""Writes that are named, some 40 KB: a message has its limits."""


class Doing(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class PlannedWrite(BaseModel, frozen=True):
    """One object: `what` is its NetBox model and `hh_key`, `fields` are those that change."""

    doing: Doing
    what: str
    fields: tuple[str, ...] = ()


class InventoryPreview(BaseModel, frozen=True):
    """All writes by number, the first ones by name, and how many objects have no form in NetBox.

    What is to be deleted has to be absent from three syncs in a row first. `held` says why a sync would
    do nothing at all.
    """

    counts: dict[Doing, int] = {}
    unchanged: int = 0
    skipped: int = 0
    writes: tuple[PlannedWrite, ...] = ()
    held: str = ""


def preview_of(plan: Plan, changes: Changes, absent: Iterable[Stored]) -> InventoryPreview:
    """What a sync would do that wants `plan`, and in the end deletes what is `absent`."""
    writes = [*_written(changes), *_deleted(absent)]
    return InventoryPreview(
        counts={doing: sum(each.doing is doing for each in writes) for doing in Doing},
        unchanged=changes.unchanged,
        skipped=len(plan.skipped),
        writes=tuple(writes[:MAX_NAMED]),
    )


def _written(changes: Changes) -> Iterator[PlannedWrite]:
    """Each object once, however many writes it takes."""
    fields: dict[Ref, set[str]] = {}
    for stage in changes.stages:
        for write in stage:
            fields.setdefault(write.ref, set()).update(write.fields)
    for ref, changed in fields.items():
        what = f"{ref.model} {ref.key}"
        if ref in changes.ids:
            yield PlannedWrite(doing=Doing.UPDATE, what=what, fields=tuple(sorted(changed)))
        else:
            yield PlannedWrite(doing=Doing.CREATE, what=what)


def _deleted(absent: Iterable[Stored]) -> Iterator[PlannedWrite]:
    for each in absent:
        yield PlannedWrite(doing=Doing.DELETE, what=f"{each.id.model} {each.key}")
