"""A plan as JSON, for people and programs that want to see it before anything is written."""

from collections.abc import Mapping

from pydantic import BaseModel

from fabrics.inventory.plan import Plan
from fabrics.inventory.wanted import Ref, Value, Wanted
from fabrics.values import Json


class PlannedObject(BaseModel, frozen=True):
    """One object. In `fields`, another object is `{"model", "key"}`; `shared` ones have no `hh_key`."""

    model: str
    key: str
    shared: bool
    fields: dict[str, Json]


class SkippedObject(BaseModel, frozen=True):
    """A live object, or the part of one behind `#`, and why NetBox will not show it."""

    key: str
    reason: str


class Preview(BaseModel, frozen=True):
    """All that NetBox would hold of a fabric; `counts` by model, of those that have any."""

    fabric_id: str
    counts: dict[str, int]
    skipped: tuple[SkippedObject, ...]
    objects: tuple[PlannedObject, ...]


def preview(plan: Plan) -> Preview:
    """The plan, in the order in which it is written."""
    return Preview(
        fabric_id=plan.fabric.fabric_id,
        counts={model.value: count for model, count in plan.counts.items() if count},
        skipped=tuple(SkippedObject(key=each.key, reason=each.reason) for each in plan.skipped),
        objects=tuple(map(_planned, plan.objects)),
    )


def _planned(wanted: Wanted) -> PlannedObject:
    fields = {name: _json(value) for name, value in wanted.fields().items()}
    return PlannedObject(
        model=wanted.MODEL.value, key=wanted.key, shared=wanted.SHARED, fields=fields
    )


def _json(value: Value | tuple[int, int]) -> Json:
    if isinstance(value, Ref):
        return {"model": value.model.value, "key": value.key}
    if isinstance(value, tuple):
        return [_json(each) for each in value]
    return dict(value) if isinstance(value, Mapping) else value
