"""Deletes what a fabric no longer has, children first, and nothing that people hung on it.

NetBox deletes with an interface all addresses of it, with a device all that is in it, and with a site
most of what is, whoever made that. So what is left on them after our own objects have gone is looked for
first: they stay then, a device as `decommissioning`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Final

from activities.inventory.client import InventoryNetBox, RowsRefused
from activities.inventory.inhabitants import inhabitants
from activities.inventory.models import PATHS
from activities.inventory.writer import Progress
from activities.netbox.client import Row
from activities.netbox.http import Gone, InUse, Refused
from fabrics.inventory import Model
from fabrics.inventory.kinds import OWNED
from fabrics.inventory.report import Finding, Problem
from fabrics.inventory.stored import Id, Stored

SIZE: Final = 50
RETIRED: Final = "decommissioning"
ON_INTERFACES: Final = ("cable", "count_ipaddresses", "mac_addresses")
"""What an interface may have that would go with it, as REST shows it."""


class Cleaner:
    """Deletes for one fabric; `message` becomes part of NetBox's changelog."""

    def __init__(self, netbox: InventoryNetBox, message: str) -> None:
        self._netbox = netbox
        self._message = message
        self.deleted: set[Id] = set()
        self.findings: list[Finding] = []

    def delete(self, due: Iterable[Stored], progress: Progress) -> None:
        """Delete these objects of ours, as far as they may go. Those that stay are done with, too."""
        listed, done = list(due), 0
        for model in reversed(OWNED):
            rows = [each for each in listed if each.id.model is model]
            for some in _in_turn(rows):
                self._delete(model, list(self._free(model, some)))
                done += len(some)
                progress(done)

    def _free(self, model: Model, rows: Sequence[Stored]) -> Iterator[Stored]:
        """Those without anything on them that is not ours."""
        if model is Model.INTERFACE:
            held = self._held(model, rows, ON_INTERFACES)
        elif model is Model.DEVICE:
            held = self._held(model, rows, ())
            self._retire(rows, held)
        elif model is Model.SITE:
            numbers = (each.id.number for each in rows)
            held = {each: said for each in numbers if (said := inhabitants(self._netbox, each))}
        else:
            held = {}
        for each in rows:
            if each.id.number not in held:
                yield each
            else:
                self._report(each, f"stays in NetBox: it still has {held[each.id.number]}")

    def _held(self, model: Model, rows: Sequence[Stored], names: Sequence[str]) -> dict[int, str]:
        """What objects still have, by their ids. A device has a count of each kind of component."""
        found = self._netbox.rows(PATHS[model], id=[each.id.number for each in rows])
        held = {row["id"]: _said(row, names or _counts(row)) for row in found}
        return {number: said for number, said in held.items() if said}

    def _retire(self, devices: Sequence[Stored], held: dict[int, str]) -> None:
        rows = [
            {"id": each.id.number, "status": RETIRED, "changelog_message": self._message}
            for each in devices
            if each.id.number in held and each.values["status"] != RETIRED
        ]
        if rows:
            self._netbox.write("PATCH", PATHS[Model.DEVICE], rows)

    def _delete(self, model: Model, rows: list[Stored]) -> None:
        """All of them; where NetBox refuses some, all but those."""
        if not rows:
            return
        listed = [{"id": each.id.number, "changelog_message": self._message} for each in rows]
        try:
            self._netbox.write("DELETE", PATHS[model], listed)
        except RowsRefused as error:
            for place, reason in error.reasons.items():
                self._report(rows[place], f"stays in NetBox: {reason}")
            good = [row for place, row in enumerate(rows) if place not in error.reasons]
            self._delete(model, good)
        except (Refused, Gone, InUse) as error:
            if len(rows) == 1:
                self._report(rows[0], f"stays in NetBox: {error}")
                return
            self._delete(model, rows[::2])
            self._delete(model, rows[1::2])
        else:
            self.deleted |= {each.id for each in rows}

    def _report(self, row: Stored, why: str) -> None:
        self.findings.append(Finding(problem=Problem.CONFLICT, what=row.key, why=why))


def _in_turn(rows: Sequence[Stored]) -> Iterator[tuple[Stored, ...]]:
    """Subinterfaces and members go before what they are part of."""
    for is_part in (True, False):
        same = [each for each in rows if _is_part(each) is is_part]
        yield from batched(sorted(same, key=lambda each: each.key), SIZE)


def _is_part(row: Stored) -> bool:
    return bool(row.values.get("parent") or row.values.get("lag"))


def _counts(row: Row) -> list[str]:
    return [name for name in row if name.endswith("_count")]


def _said(row: Row, names: Iterable[str]) -> str:
    words = (
        name.removesuffix("_count").removeprefix("count_").replace("_", " ")
        for name in names
        if row.get(name)
    )
    return ", ".join(words)
