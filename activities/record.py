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

from activities.errors import MAX_MESSAGE, PermanentError, TransientError, one_line
from activities.netbox.client import NetBox, Row
from activities.netbox.http import Refused
from fabrics.loop.installation import Installation
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.status import OFF, Facts
from fabrics.record.status_fields import (
    changed_fields,
    instance_of,
    is_true,
    other_owner,
    parse_config,
    parse_facts,
    shown_status,
)


class RecordRead(BaseModel, frozen=True):
    """What a record says, and what the worker knows of its own surroundings.

    `config` is None where there is no such record (any more). `facts` are what earlier syncs left
    in it. `is_true` says whether the record's status is that of its facts and configuration, `was_off`
    whether it is still that of a fabric that nobody wants synced.
    `journal_error` says why an entry that was to be added is not there; all else was done.
    """

    config: FabricConfig | None
    facts: Facts
    installation: Installation
    is_true: bool = True
    was_off: bool = False
    journal_error: str = ""


class Claimed(PermanentError):
    """The record belongs to another installation."""


class RecordUpdate(BaseModel, frozen=True):
    """What a record should show from now on, and an entry for its journal unless that is empty."""

    fabric_id: str
    facts: Facts
    edits: ConfigEdits = ConfigEdits()
    journal: str = ""


@dataclass(frozen=True)
class RecordActivities:
    """The activities on records. `instance` names this installation, as `hh_instance` stores it."""

    netbox: NetBox
    instance: str
    installation: Installation

    @activity.defn
    def load_record(self, fabric_id: str) -> RecordRead:
        """What the fabric's record says now. Raises `Claimed`."""
        record = self._known(fabric_id)
        if record is not None:
            self._check_instance(record)
        return self._read(record)

    @activity.defn
    def record_result(self, update: RecordUpdate) -> RecordRead:
        """Make the record show `update`, in one write or in none; what it says then. Raises `Claimed`."""
        record = self._known(update.fabric_id)
        if record is not None:
            record = self._write(record["id"], update)
        read = self._read(record)
        if record is not None and update.journal:
            try:
                self.netbox.add_journal_entry(record["id"], update.journal)
            except (PermanentError, TransientError) as error:
                # The record stands: only the entry is for another time.
                return read.model_copy(update={"journal_error": one_line(str(error), MAX_MESSAGE)})
        return read

    def _known(self, fabric_id: str) -> Row | None:
        """The record; None only where it is really gone, not where it is out of sight."""
        record = self.netbox.record_by_fabric_id(fabric_id)
        if record is None:
            self.netbox.check_sees_all_records()
        return record

    def _write(self, record_id: int, update: RecordUpdate) -> Row | None:
        def changes(record: Row) -> Row:
            self._check_instance(record)
            fields = changed_fields(record, update.edits, update.facts, datetime.now(UTC))
            return fields if instance_of(record) else fields | {"hh_instance": self.instance}

        try:
            return self.netbox.update_record(record_id, changes)
        except Refused as error:
            with suppress(PermanentError, TransientError):  # the refusal is the news
                self.netbox.add_journal_entry(record_id, str(error), kind="danger")
            raise

    def _check_instance(self, record: Row) -> None:
        if other := other_owner(record, self.instance):
            raise Claimed(
                f"The record of {record['name']} belongs to another installation of Fabric Sync"
                f" ({other}): nothing was written. To move it here, run"
                f" `starter.py doctor {record['custom_fields']['hh_fabric_id']} --take-over`."
            )

    def _read(self, record: Row | None) -> RecordRead:
        config = None if record is None else parse_config(record)
        facts = Facts() if record is None else parse_facts(record)
        return RecordRead(
            config=config,
            facts=facts,
            installation=self.installation,
            is_true=record is None or is_true(record),
            was_off=record is not None and shown_status(record) in OFF,
        )
