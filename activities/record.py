"""Read a fabric's record in NetBox, and write what its syncs found out.

The record belongs to people as much as to us, so a write is a function of what the record says at
that moment: read it, compute the fields that differ, send only those, and start over when somebody
else was faster. Nothing changed means that nothing is written.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import BaseModel
from temporalio import activity

from activities.errors import MAX_MESSAGE_CHARS, PermanentError, TransientError, one_line
from activities.netbox.client import NetBox, Row
from activities.netbox.http import BadRequest
from fabrics.loop.installation import Installation
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.status import SWITCHED_OFF_STATUSES, LastKnownState
from fabrics.record.status_fields import (
    find_changed_fields,
    find_other_owner,
    get_owner_instance,
    get_shown_status,
    is_consistent,
    parse_config,
    parse_last_known_state,
)


class RecordSnapshot(BaseModel, frozen=True):
    """What a record says, and what the worker knows of its own surroundings.

    `config` is None where there is no such record (any more). `facts` are what earlier syncs left
    in it. `is_true` says whether the record's status is that of its facts and configuration, `was_switched_off`
    whether it is still that of a fabric that nobody wants synced.
    `journal_error` says why an entry that was to be added is not there; all else was done.
    """

    config: FabricConfig | None
    last_known: LastKnownState
    installation: Installation
    is_consistent: bool = True
    was_switched_off: bool = False
    journal_error: str = ""


class OwnedByOtherInstallation(PermanentError):
    """The record belongs to another installation."""


class RecordUpdate(BaseModel, frozen=True):
    """What a record should show from now on, and an entry for its journal unless that is empty."""

    fabric_id: str
    last_known: LastKnownState
    edits: ConfigEdits = ConfigEdits()
    journal_entry: str = ""


@dataclass(frozen=True)
class RecordActivities:
    """The activities on records. `instance` names this installation, as `hh_instance` stores it."""

    netbox: NetBox
    instance: str
    installation: Installation

    @activity.defn
    def load_record(self, fabric_id: str) -> RecordSnapshot:
        """What the fabric's record says now. Raises `OwnedByOtherInstallation`."""
        record = self._find_record(fabric_id)
        if record is not None:
            self._check_instance(record)
        return self._build_snapshot(record)

    @activity.defn
    def record_result(self, update: RecordUpdate) -> RecordSnapshot:
        """Write `update` to the record in at most one request and return the record.

        Raises `OwnedByOtherInstallation`.
        """
        record = self._find_record(update.fabric_id)
        if record is not None:
            record = self._write(record["id"], update)
        read = self._build_snapshot(record)
        if record is not None and update.journal_entry:
            try:
                self.netbox.add_journal_entry(record["id"], update.journal_entry)
            except (PermanentError, TransientError) as error:
                # The record stands: only the entry is for another time.
                return read.model_copy(
                    update={"journal_error": one_line(str(error), MAX_MESSAGE_CHARS)}
                )
        return read

    def _find_record(self, fabric_id: str) -> Row | None:
        """The record; None only where it is really gone, not where it is out of sight."""
        record = self.netbox.find_record(fabric_id)
        if record is None:
            self.netbox.check_all_records_visible()
        return record

    def _write(self, record_id: int, update: RecordUpdate) -> Row | None:
        def changes(record: Row) -> Row:
            self._check_instance(record)
            fields = find_changed_fields(record, update.edits, update.last_known, datetime.now(UTC))
            return fields if get_owner_instance(record) else fields | {"hh_instance": self.instance}

        try:
            return self.netbox.update_record(record_id, changes)
        except BadRequest as error:
            with suppress(PermanentError, TransientError):  # the refusal is the news
                self.netbox.add_journal_entry(record_id, str(error), kind="danger")
            raise

    def _check_instance(self, record: Row) -> None:
        if other := find_other_owner(record, self.instance):
            raise OwnedByOtherInstallation(
                f"The record of {record['name']} belongs to another installation of Fabric Sync"
                f" ({other}): nothing was written. To move it here, run"
                f" `starter.py doctor {record['custom_fields']['hh_fabric_id']} --take-over`."
            )

    def _build_snapshot(self, record: Row | None) -> RecordSnapshot:
        config = None if record is None else parse_config(record)
        facts = LastKnownState() if record is None else parse_last_known_state(record)
        return RecordSnapshot(
            config=config,
            last_known=facts,
            installation=self.installation,
            is_consistent=record is None or is_consistent(record),
            was_switched_off=record is not None
            and get_shown_status(record) in SWITCHED_OFF_STATUSES,
        )
