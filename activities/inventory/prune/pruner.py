"""Delete absent objects, children first, except those with dependents.

With an interface NetBox deletes its addresses, with a device all that is in it or runs on it, and with a
site most of its contents, whoever made them. So an object stays if something is left on it once our own
objects are deleted; a device that stays gets the status `decommissioning`. An object that somebody else says is
ours stays as it is.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import batched
from typing import Final

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, Method, RowsRefused
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.prune.claims import find_claimants
from activities.inventory.prune.dependents import find_dependents
from activities.inventory.write.writer import ProgressCallback
from activities.netbox.http import BadRequest, InUse, NotFound
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.report.report import Finding, FindingType

BATCH_SIZE: Final = 50
RETIRED_STATUS: Final = "decommissioning"

UNKNOWN_ID: Final = "id: "
"""The start of NetBox's reason for an object that somebody has deleted meanwhile, or taken our tag from."""


class Pruner:
    """Deletes objects of one fabric; `message` goes into NetBox's changelog."""

    def __init__(self, netbox: InventoryNetBox, message: str) -> None:
        self._netbox = netbox
        self._message = message
        self.deleted: set[ObjectId] = set()
        self.findings: list[Finding] = []

    def delete(self, objects: Iterable[ExistingObject], progress: ProgressCallback) -> None:
        """Delete these objects where possible; `progress` also counts those that stay."""
        listed, done = list(objects), 0
        for model in reversed(OWNED_MODELS):
            for batch in _batch_children_first(row for row in listed if row.id.model is model):
                deletable = list(self._select_deletable(model, batch))
                deleted = self._write("DELETE", model, deletable, "stays in NetBox")
                self.deleted |= {row.id for row in deleted}
                done += len(batch)
                progress(done)

    def _select_deletable(
        self, model: Model, rows: Sequence[ExistingObject]
    ) -> Iterator[ExistingObject]:
        """Yield our objects without dependents, and report and decommission the others."""
        try:
            claimants = find_claimants(self._netbox, model, {row.id.number for row in rows})
            ours = [row.id.number for row in rows if row.id.number not in claimants]
            dependents = find_dependents(self._netbox, model, ours)
        except PermanentError as error:  # our user may not view what forbids a delete
            for row in rows:
                self._add_finding(row, f"stays in NetBox: {error} Run `starter.py setup`.")
            return
        if model is Model.DEVICE:
            self._decommission(row for row in rows if row.id.number in dependents)
        reasons = {number: f"it still has {text}" for number, text in dependents.items()}
        for number, user in claimants.items():
            reasons[number] = (
                f"NetBox's user {user} has set its {FABRIC_FIELD} or {KEY_FIELD}; delete it in NetBox"
            )
        for row in rows:
            if reason := reasons.get(row.id.number):
                self._add_finding(row, f"stays in NetBox: {reason}")
            else:
                yield row

    def _decommission(self, devices: Iterable[ExistingObject]) -> None:
        rows = [device for device in devices if device.values["status"] != RETIRED_STATUS]
        why = f"could not be set to {RETIRED_STATUS}"
        self._write("PATCH", Model.DEVICE, rows, why, status=RETIRED_STATUS)

    def _write(
        self, method: Method, model: Model, rows: Sequence[ExistingObject], why: str, **fields: str
    ) -> list[ExistingObject]:
        """Change or delete objects; return those that were, report others with `why`."""
        if not rows:
            return []
        values = {"changelog_message": self._message, **fields}
        changes = [{"id": row.id.number, **values} for row in rows]
        parts: list[Sequence[ExistingObject]]
        try:
            self._netbox.write(method, PATHS[model], changes)
        except RowsRefused as error:
            for position, reason in error.reasons.items():
                if not reason.startswith(UNKNOWN_ID):
                    self._add_finding(rows[position], f"{why}: {reason}")
            parts = [[row for position, row in enumerate(rows) if position not in error.reasons]]
        except (BadRequest, NotFound, InUse) as error:
            if len(rows) == 1:
                self._add_finding(rows[0], f"{why}: {error}")
                return []
            parts = [rows[::2], rows[1::2]]
        else:
            return list(rows)
        return [row for part in parts for row in self._write(method, model, part, why, **fields)]

    def _add_finding(self, row: ExistingObject, why: str) -> None:
        self.findings.append(Finding(problem=FindingType.CONFLICT, what=row.key, why=why))


def _batch_children_first(rows: Iterable[ExistingObject]) -> Iterator[tuple[ExistingObject, ...]]:
    """Yield subinterfaces and members of LAGs before their parents."""
    children, others = list[ExistingObject](), list[ExistingObject]()
    for row in sorted(rows, key=lambda row: row.key):
        (children if row.values.get("parent") or row.values.get("lag") else others).append(row)
    yield from (*batched(children, BATCH_SIZE), *batched(others, BATCH_SIZE))
