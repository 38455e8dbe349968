"""Deletes what a fabric no longer has, children first, and nothing that people hung on it.

NetBox deletes with an interface all addresses of it, with a device all that is in it or runs on it, and
with a site most of what is there, whoever made that. So what is left on them after our own objects have
gone is looked for first: they stay then, a device as `decommissioning`.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Final

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, Method, RowsRefused
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.prune.dependents import find_dependents
from activities.inventory.write.writer import ProgressCallback
from activities.netbox.http import BadRequest, InUse, NotFound
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.report.report import Finding, FindingType

BATCH_SIZE: Final = 50
RETIRED_STATUS: Final = "decommissioning"


class Pruner:
    """Deletes for one fabric; `message` becomes part of NetBox's changelog."""

    def __init__(self, netbox: InventoryNetBox, message: str) -> None:
        self._netbox = netbox
        self._message = message
        self.deleted: set[ObjectId] = set()
        self.findings: list[Finding] = []

    def delete(self, due: Iterable[ExistingObject], progress: ProgressCallback) -> None:
        """Delete these objects of ours, as far as they may go. Those that stay are done with, too."""
        listed, done = list(due), 0
        for model in reversed(OWNED_MODELS):
            rows = [each for each in listed if each.id.model is model]
            for some in _batch_children_first(rows):
                self._delete(model, list(self._select_deletable(model, some)))
                done += len(some)
                progress(done)

    def _select_deletable(
        self, model: Model, rows: Sequence[ExistingObject]
    ) -> Iterator[ExistingObject]:
        """Those without anything on them that is not ours."""
        try:
            held = find_dependents(self._netbox, model, [each.id.number for each in rows])
        except PermanentError as error:  # what is on them may not be seen, and would be lost
            for each in rows:
                self._add_finding(each, f"stays in NetBox: {error} Run `starter.py setup`.")
            return
        if model is Model.DEVICE:
            self._decommission([each for each in rows if each.id.number in held])
        for each in rows:
            if each.id.number not in held:
                yield each
            else:
                self._add_finding(each, f"stays in NetBox: it still has {held[each.id.number]}")

    def _decommission(self, devices: Iterable[ExistingObject]) -> None:
        rows = [each for each in devices if each.values["status"] != RETIRED_STATUS]
        self._write("PATCH", Model.DEVICE, rows, f"is not {RETIRED_STATUS}", status=RETIRED_STATUS)

    def _delete(self, model: Model, rows: Sequence[ExistingObject]) -> None:
        done = self._write("DELETE", model, rows, "stays in NetBox")
        self.deleted |= {each.id for each in done}

    def _write(
        self,
        method: Method,
        model: Model,
        rows: Sequence[ExistingObject],
        failure: str,
        **fields: str,
    ) -> list[ExistingObject]:
        """Change or delete them all; where NetBox refuses some, all but those, which have `failed`."""
        if not rows:
            return []
        same = {"changelog_message": self._message, **fields}
        listed = [{"id": each.id.number, **same} for each in rows]
        rest: list[Sequence[ExistingObject]]
        try:
            self._netbox.write(method, PATHS[model], listed)
        except RowsRefused as error:
            for place, reason in error.reasons.items():
                self._add_finding(rows[place], f"{failure}: {reason}")
            rest = [[row for place, row in enumerate(rows) if place not in error.reasons]]
        except (BadRequest, NotFound, InUse) as error:
            if len(rows) == 1:
                self._add_finding(rows[0], f"{failure}: {error}")
                return []
            rest = [rows[::2], rows[1::2]]
        else:
            return list(rows)
        return [
            done for some in rest for done in self._write(method, model, some, failure, **fields)
        ]

    def _add_finding(self, row: ExistingObject, why: str) -> None:
        self.findings.append(Finding(problem=FindingType.CONFLICT, what=row.key, why=why))


def _batch_children_first(rows: Sequence[ExistingObject]) -> Iterator[tuple[ExistingObject, ...]]:
    """Subinterfaces and members go before what they are part of."""
    for is_part in (True, False):
        same = [each for each in rows if _is_child_interface(each) is is_part]
        yield from batched(sorted(same, key=lambda each: each.key), BATCH_SIZE)


def _is_child_interface(row: ExistingObject) -> bool:
    return bool(row.values.get("parent") or row.values.get("lag"))
