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

FIXED: Final = "type"
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
    rows = _rows(netbox, items)
    return [change for item in items for change, _ in _changes(item, _row(item, rows))]


def apply(netbox: NetBox, items: Sequence[Item]) -> Iterator[Change]:
    """Create what is absent, repair and upgrade what is there, in the given order, telling each change."""
    rows = _rows(netbox, items)
    for item in items:
        row = _row(item, rows)
        for change, values in _changes(item, row):
            if values and row is None:
                netbox.create(item.path, _resolve(netbox, values))
            elif values and row is not None:
                netbox.change(item.path, row["id"], _resolve(netbox, values))
            yield change


def remove(netbox: NetBox, items: Sequence[Item]) -> Iterator[Change]:
    """Delete the items in reverse order, but keep what is in use, or somebody else's.

    Custom fields take their values along.
    """
    rows = _rows(netbox, items)
    for item in reversed(items):
        row = _row(item, rows)
        if row is None:
            continue
        if why := _conflict(item, row) or _use(item, row, rows):
            yield Change(Action.KEEP, str(item), why)
            continue
        try:
            netbox.delete(item.path, row["id"])
        except InUse as error:
            yield Change(Action.KEEP, str(item), str(error))
        else:
            yield Change(Action.DELETE, str(item))


type Rows = dict[str, list[Row]]


def _rows(netbox: NetBox, items: Sequence[Item]) -> Rows:
    """All there is where the items belong, by path."""
    return {path: list(netbox.rows(path)) for path in dict.fromkeys(item.path for item in items)}


def _row(item: Item, rows: Rows) -> Row | None:
    return next(filter(item.is_row, rows.get(item.path, ())), None)


def _use(item: Item, row: Row, rows: Rows) -> str:
    """What a tag is needed for, and what stays with it; empty where it is for nothing."""
    if row.get("tagged_items"):
        return f"{row['tagged_items']} objects have it"
    tag = item.stays_with and _row(item.stays_with, rows)
    if tag and tag["tagged_items"]:
        return f"{tag['tagged_items']} objects have the {item.stays_with}, and are known by it"
    return ""


def _conflict(item: Item, row: Row) -> str:
    """Why the row is somebody else's; empty where it is the item."""
    wanted = item.needed.get(FIXED)
    if wanted is None or _same(row[FIXED], wanted):
        return ""
    return f"its {FIXED} is {_plain(row[FIXED])}, not {wanted}"


def _changes(item: Item, row: Row | None) -> Iterator[tuple[Change, Row]]:
    """What is to be done about an item, each with the values that are to be written."""
    if row is None:
        yield Change(Action.CREATE, str(item)), _all_values(item)
        return
    if why := _conflict(item, row):
        yield Change(Action.CONFLICT, str(item), f"{why}: rename or delete it"), {}
        return
    if repairs := _repairs(item, row):
        yield Change(Action.REPAIR, str(item), ", ".join(repairs)), repairs
    if upgrades := _upgrades(item, row):
        yield Change(Action.UPGRADE, str(item), ", ".join(upgrades)), upgrades
    if kept := [name for name in _differing(item, row) if name not in upgrades]:
        yield Change(Action.KEEP, str(item), f"not as shipped: {', '.join(kept)}"), {}


def _upgrades(item: Item, row: Row) -> Row:
    """The defaults that the row has not, but one of their former values."""
    return {
        name: default.value
        for name, default in _differing(item, row).items()
        if any(_same(row.get(name), value) for value in default.was)
    }


def _differing(item: Item, row: Row) -> dict[str, Default]:
    return {
        name: default
        for name, default in item.shipped.items()
        if not _same(row.get(name), default.value)
    }


def _repairs(item: Item, row: Row) -> Row:
    """The needed values that the row has not, as they would be written."""
    repairs: Row = {}
    for name, wanted in item.needed.items():
        # What may be of any model is written as `x_id` and shown, with its name, as `x`.
        stored = row.get(name.removesuffix("_id") if isinstance(wanted, Reference) else name)
        if isinstance(wanted, list) and isinstance(stored, list):
            missing = [member for member in wanted if not _has(stored, member)]
            if missing:
                repairs[name] = [_writable(member) for member in stored] + missing
        elif not _same(stored, wanted):
            repairs[name] = wanted
    return repairs


def _has(stored: list[object], wanted: object) -> bool:
    """Whether a member is there. A choice is what its value says, whatever its label."""
    if isinstance(wanted, list):
        return any(isinstance(member, list) and member[:1] == wanted[:1] for member in stored)
    return any(_same(member, wanted) for member in stored)


def _same(stored: object, wanted: object) -> bool:
    if isinstance(wanted, Reference):
        return isinstance(stored, dict) and wanted.key.items() <= stored.items()
    return _plain(stored) == wanted


def _plain(stored: object) -> object:
    """What NetBox takes for what it gives: a choice without its label."""
    return stored["value"] if isinstance(stored, dict) and "label" in stored else stored


def _writable(stored: object) -> object:
    return stored["id"] if isinstance(stored, dict) else stored


def _all_values(item: Item) -> Row:
    defaults = {name: default.value for name, default in item.shipped.items()}
    return {**item.key, **item.needed, **defaults, **item.secrets}


def _resolve(netbox: NetBox, values: Row) -> Row:
    return {name: _resolved(netbox, value) for name, value in values.items()}


def _resolved(netbox: NetBox, value: object) -> object:
    """The value with the ids of what it refers to, which may have been created a moment ago."""
    if isinstance(value, list):
        return [_resolved(netbox, member) for member in value]
    if not isinstance(value, Reference):
        return value
    item = Item(value.path, value.key)
    row = next(filter(item.is_row, netbox.rows(item.path, **item.key)), None)
    if row is None:
        raise PermanentError(f"NetBox at {netbox.url} has no {item}: run the set-up again.")
    return row["id"]
