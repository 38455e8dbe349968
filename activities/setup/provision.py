"""Make NetBox have the items of `activities.setup`, or take them away again.

Running it twice changes nothing the second time. What people changed since stays as it is, unless
the project would not work so; then it is put right. What nobody changed since an earlier release
wrote it becomes what the present release writes. All of it is said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from activities.errors import PermanentError
from activities.netbox.client import NetBox, Row
from activities.netbox.http import InUse
from activities.setup.items import Default, Item, Reference

IMMUTABLE_ATTRIBUTE: Final = "type"
"""What NetBox never changes about a custom field."""


class Action(StrEnum):
    """What is done about an item; `keep` and `conflict` leave NetBox as it is."""

    CREATE = "create"
    REPAIR = "repair"
    UPGRADE = "upgrade"
    KEEP = "keep"
    CONFLICT = "conflict"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """One thing done, or to be done, and why."""

    action: Action
    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.what}" + (f": {self.why}" if self.why else "")


def plan(netbox: NetBox, items: Sequence[Item]) -> list[Change]:
    """What `apply` would do."""
    rows = _fetch_rows(netbox, items)
    return [change for item in items for change, _ in _plan_changes(item, _find_row(item, rows))]


def apply(netbox: NetBox, items: Sequence[Item]) -> Iterator[Change]:
    """Create what is absent, repair and upgrade what is there, in the given order, telling each change."""
    rows = _fetch_rows(netbox, items)
    for item in items:
        row = _find_row(item, rows)
        for change, values in _plan_changes(item, row):
            if values and row is None:
                netbox.create(item.path, _resolve_references(netbox, values))
            elif values and row is not None:
                netbox.update(item.path, row["id"], _resolve_references(netbox, values))
            yield change


def remove(netbox: NetBox, items: Sequence[Item]) -> Iterator[Change]:
    """Delete the items in reverse order, but keep what is in use, or somebody else's.

    Custom fields take their values along.
    """
    rows = _fetch_rows(netbox, items)
    for item in reversed(items):
        row = _find_row(item, rows)
        if row is None:
            continue
        if why := _describe_conflict(item, row) or _describe_use(item, row, rows):
            yield Change(Action.KEEP, str(item), why)
            continue
        try:
            netbox.delete(item.path, row["id"])
        except InUse as error:
            yield Change(Action.KEEP, str(item), str(error))
        else:
            yield Change(Action.DELETE, str(item))


type RowsByPath = dict[str, list[Row]]


def _fetch_rows(netbox: NetBox, items: Sequence[Item]) -> RowsByPath:
    """All there is where the items belong, by path."""
    return {
        path: list(netbox.list_rows(path)) for path in dict.fromkeys(item.path for item in items)
    }


def _find_row(item: Item, rows: RowsByPath) -> Row | None:
    return next(filter(item.matches, rows.get(item.path, ())), None)


def _describe_use(item: Item, row: Row, rows: RowsByPath) -> str:
    """What a tag is needed for, and what stays with it; empty where it is for nothing."""
    if row.get("tagged_items"):
        return f"{row['tagged_items']} objects have it"
    tag = item.kept_while_tagged and _find_row(item.kept_while_tagged, rows)
    if tag and tag["tagged_items"]:
        return (
            f"{tag['tagged_items']} objects have the {item.kept_while_tagged}, and are known by it"
        )
    return ""


def _describe_conflict(item: Item, row: Row) -> str:
    """Why the row is somebody else's; empty where it is the item."""
    wanted = item.needed.get(IMMUTABLE_ATTRIBUTE)
    if wanted is None or _is_equal(row[IMMUTABLE_ATTRIBUTE], wanted):
        return ""
    return f"its {IMMUTABLE_ATTRIBUTE} is {_strip_label(row[IMMUTABLE_ATTRIBUTE])}, not {wanted}"


def _plan_changes(item: Item, row: Row | None) -> Iterator[tuple[Change, Row]]:
    """What is to be done about an item, each with the values that are to be written."""
    if row is None:
        yield Change(Action.CREATE, str(item)), _initial_values(item)
        return
    if why := _describe_conflict(item, row):
        yield Change(Action.CONFLICT, str(item), f"{why}: rename or delete it"), {}
        return
    if repairs := _find_repairs(item, row):
        yield Change(Action.REPAIR, str(item), ", ".join(repairs)), repairs
    if upgrades := _find_upgrades(item, row):
        yield Change(Action.UPGRADE, str(item), ", ".join(upgrades)), upgrades
    if kept := [name for name in _find_differing_defaults(item, row) if name not in upgrades]:
        yield Change(Action.KEEP, str(item), f"not as shipped: {', '.join(kept)}"), {}


def _find_upgrades(item: Item, row: Row) -> Row:
    """The defaults that the row has not, but one of their former values."""
    return {
        name: default.value
        for name, default in _find_differing_defaults(item, row).items()
        if any(_is_equal(row.get(name), value) for value in default.former_values)
    }


def _find_differing_defaults(item: Item, row: Row) -> dict[str, Default]:
    return {
        name: default
        for name, default in item.shipped_defaults.items()
        if not _is_equal(row.get(name), default.value)
    }


def _find_repairs(item: Item, row: Row) -> Row:
    """The needed values that the row has not, as they would be written."""
    repairs: Row = {}
    for name, wanted in item.needed.items():
        # What may be of any model is written as `x_id` and shown, with its name, as `x`.
        stored = row.get(name.removesuffix("_id") if isinstance(wanted, Reference) else name)
        if isinstance(wanted, list) and isinstance(stored, list):
            missing = [member for member in wanted if not _contains(stored, member)]
            if missing:
                repairs[name] = [_to_writable(member) for member in stored] + missing
        elif not _is_equal(stored, wanted):
            repairs[name] = wanted
    return repairs


def _contains(current: list[object], expected: object) -> bool:
    """Whether a member is there. A choice is what its value says, whatever its label."""
    if isinstance(expected, list):
        return any(isinstance(member, list) and member[:1] == expected[:1] for member in current)
    return any(_is_equal(member, expected) for member in current)


def _is_equal(current: object, expected: object) -> bool:
    if isinstance(expected, Reference):
        return isinstance(current, dict) and expected.key.items() <= current.items()
    return _strip_label(current) == expected


def _strip_label(current: object) -> object:
    """What NetBox takes for what it gives: a choice without its label."""
    return current["value"] if isinstance(current, dict) and "label" in current else current


def _to_writable(current: object) -> object:
    return current["id"] if isinstance(current, dict) else current


def _initial_values(item: Item) -> Row:
    defaults = {name: default.value for name, default in item.shipped_defaults.items()}
    return {**item.key, **item.needed, **defaults, **item.secrets}


def _resolve_references(netbox: NetBox, values: Row) -> Row:
    return {name: _resolve_value(netbox, value) for name, value in values.items()}


def _resolve_value(netbox: NetBox, value: object) -> object:
    """The value with the ids of what it refers to, which may have been created a moment ago."""
    if isinstance(value, list):
        return [_resolve_value(netbox, member) for member in value]
    if not isinstance(value, Reference):
        return value
    item = Item(value.path, value.key)
    row = next(filter(item.matches, netbox.list_rows(item.path, **item.key)), None)
    if row is None:
        raise PermanentError(f"NetBox at {netbox.url} has no {item}: run the set-up again.")
    return row["id"]
