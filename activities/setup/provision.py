"""Create, repair, upgrade or remove the items of `activities.setup` in NetBox.

A second run changes nothing. What people have changed stays, unless the project would not work with it;
then it is repaired. Defaults of an earlier release that nobody has changed are upgraded. Each change is
reported.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from activities.errors import PermanentError
from activities.netbox.client import NetBox, Row
from activities.netbox.http import InUse
from activities.setup.items import Default, Item, Reference

IMMUTABLE_ATTRIBUTE: Final = "type"
"""The attribute of a custom field that NetBox never changes."""


class Action(StrEnum):
    """The action on an item; `keep` and `conflict` leave NetBox as it is."""

    CREATE = "create"
    REPAIR = "repair"
    UPGRADE = "upgrade"
    KEEP = "keep"
    CONFLICT = "conflict"
    DELETE = "delete"


@dataclass(frozen=True)
class Change:
    """One change, made or planned, and its reason."""

    action: Action
    what: str
    why: str = ""

    def __str__(self) -> str:
        return f"{self.action} {self.what}" + (f": {self.why}" if self.why else "")


class Rows(dict[str, list[Row]]):
    """All rows of NetBox by path, each path read once, when somebody first asks."""

    def __init__(self, netbox: NetBox) -> None:
        super().__init__()
        self.netbox = netbox

    def __missing__(self, path: str) -> list[Row]:
        self[path] = list(self.netbox.list_rows(path))
        return self[path]

    def find(self, item: Item) -> Row | None:
        """Return the row of the item, or None."""
        return next(filter(item.matches, self[item.path]), None)


def plan(rows: Rows, items: Iterable[Item]) -> list[Change]:
    """Return what `apply` would do."""
    return [change for item in items for change, _ in _plan_changes(item, rows.find(item))]


def apply(netbox: NetBox, items: Sequence[Item]) -> Iterator[Change]:
    """Create, repair and upgrade the items in the given order, and yield each change."""
    rows = Rows(netbox)
    for item, row in _find_all(items, rows):
        for change, values in _plan_changes(item, row):
            if values and row is None:
                rows[item.path].append(netbox.create(item.path, _resolve(values, rows)))
            elif values and row is not None:
                netbox.update(item.path, row["id"], _resolve(values, rows))
            yield change


def remove(netbox: NetBox, items: Sequence[Item]) -> Iterator[Change]:
    """Delete the items in reverse order, except those in use; yield each change.

    With a custom field NetBox deletes its values.
    """
    rows = Rows(netbox)
    for item, row in _find_all(reversed(items), rows):
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


def _find_all(items: Iterable[Item], rows: Rows) -> list[tuple[Item, Row | None]]:
    """Return the items with their rows, all read before the first change."""
    return [(item, rows.find(item)) for item in items]


def _describe_use(item: Item, row: Row, rows: Rows) -> str:
    """Return what uses the item or its tag; empty if nothing does."""
    if row.get("tagged_items"):
        return f"it is in use (objects: {row['tagged_items']})"
    tag = item.kept_while_tagged and rows.find(item.kept_while_tagged)
    if tag and tag["tagged_items"]:
        return f"it identifies objects with the {item.kept_while_tagged} ({tag['tagged_items']})"
    return ""


def _describe_conflict(item: Item, row: Row) -> str:
    """Return why the row belongs to somebody else; empty if it is the item."""
    expected = item.needed.get(IMMUTABLE_ATTRIBUTE)
    if expected is None or _is_equal(row[IMMUTABLE_ATTRIBUTE], expected):
        return ""
    return f"its {IMMUTABLE_ATTRIBUTE} is {_strip_label(row[IMMUTABLE_ATTRIBUTE])}, not {expected}"


def _plan_changes(item: Item, row: Row | None) -> Iterator[tuple[Change, Row]]:
    """Yield the changes that an item needs, each with the values to write."""
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
    """Return the defaults for which the row still has a former value."""
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
    """Return the needed values that the row lacks, in the form for writing."""
    repairs: Row = {}
    for name, expected in item.needed.items():
        # NetBox takes a reference to an object of any model as `x_id`, and returns it as `x`.
        current = row.get(name.removesuffix("_id") if isinstance(expected, Reference) else name)
        if isinstance(expected, list) and isinstance(current, list):
            missing = [member for member in expected if not _contains(current, member)]
            if missing:
                repairs[name] = [_to_writable(member) for member in current] + missing
        elif not _is_equal(current, expected):
            repairs[name] = expected
    return repairs


def _contains(current: list[object], expected: object) -> bool:
    """True if the list has the member; choices are compared by value only."""
    if isinstance(expected, list):
        return any(isinstance(member, list) and member[:1] == expected[:1] for member in current)
    return any(_is_equal(member, expected) for member in current)


def _is_equal(current: object, expected: object) -> bool:
    if isinstance(expected, Reference):
        return isinstance(current, dict) and expected.key.items() <= current.items()
    return _strip_label(current) == expected


def _strip_label(current: object) -> object:
    """Return a choice as NetBox takes it, without the label that it returns."""
    return current["value"] if isinstance(current, dict) and "label" in current else current


def _to_writable(current: object) -> object:
    return current["id"] if isinstance(current, dict) else current


def _initial_values(item: Item) -> Row:
    defaults = {name: default.value for name, default in item.shipped_defaults.items()}
    return {**item.key, **item.needed, **defaults, **item.secrets}


def _resolve(values: Row, rows: Rows) -> Row:
    return {name: _resolve_value(value, rows) for name, value in values.items()}


def _resolve_value(value: object, rows: Rows) -> object:
    """Replace references by ids, also of objects that have just been created."""
    if isinstance(value, list):
        return [_resolve_value(member, rows) for member in value]
    if not isinstance(value, Reference):
        return value
    item = Item(value.path, value.key)
    row = rows.find(item)
    if row is None:
        raise PermanentError(
            f"NetBox at {rows.netbox.url} has no {item}: run `starter.py setup` again."
        )
    return row["id"]
