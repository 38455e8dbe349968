"""Read a fabric's record in NetBox, and write the results of its syncs.

People edit the record too, so a write depends on its current content: read it, compute the fields that
differ, send only those, and start over when somebody else has changed it meanwhile. If nothing differs,
nothing is written, and one request is enough. A write that its loop has given up is not sent any more: what it
would write may be older than what the record shows by then.
"""

import math
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from pydantic import BaseModel
from temporalio import activity

from activities.connections import Deadline
from activities.errors import MAX_MESSAGE_CHARS, PermanentError, TransientError, one_line
from activities.netbox.client import NetBox, Row
from activities.netbox.http import BadRequest
from fabrics.loop.loop_settings import LoopSettings
from fabrics.record.config import ConfigEdits, FabricConfig
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import (
    find_changed_fields,
    find_other_owner,
    get_owner_instance,
    get_shown_status,
    is_consistent,
    parse_last_known_state,
)
from fabrics.record.sync_status import SWITCHED_OFF_STATUSES, LastKnownState
from fabrics.texts import escape_markdown


class RecordSnapshot(BaseModel, frozen=True):
    """The content of a record, and the worker's installation.

    `config` is None if the record does not exist (any more). `last_known` is the state that earlier syncs wrote.
    `is_consistent` tells whether it has an owner, and its status follows from that state and its configuration,
    `was_switched_off` whether it is still that of a fabric that is not synced.
    `journal_error` says why the journal entry was not added; everything else was done.
    """

    config: FabricConfig | None
    last_known: LastKnownState
    settings: LoopSettings
    is_consistent: bool = True
    was_switched_off: bool = False
    journal_error: str = ""


class OwnedByOtherInstallation(PermanentError):
    """The record belongs to another installation."""


class RecordUpdate(BaseModel, frozen=True):
    """The state to write to a record; an empty `journal_entry` is not added."""

    fabric_id: str
    last_known: LastKnownState
    edits: ConfigEdits = ConfigEdits()
    journal_entry: str = ""


@dataclass(frozen=True)
class RecordActivities:
    """Activities on records. `instance` names this installation, as in `hh_instance`."""

    netbox: NetBox
    instance: str
    settings: LoopSettings

    @activity.defn
    def load_record(self, fabric_id: str) -> RecordSnapshot:
        """Read the fabric's record. Raises `OwnedByOtherInstallation`."""
        record = self._find_record(fabric_id)
        if record is not None:
            check_owner(record, self.instance)
        return self._build_snapshot(record)

    @activity.defn
    def record_result(self, update: RecordUpdate) -> RecordSnapshot:
        """Write `update` to the record in at most one request and return the record.

        Raises `OwnedByOtherInstallation`.
        """
        deadline = _get_deadline()
        record = self._find_record(update.fabric_id)
        if record is not None and self._compute_changes(update, deadline, record):
            record = self._write(record["id"], update, deadline)
        snapshot = self._build_snapshot(record)
        if record is not None and update.journal_entry:
            try:
                self.netbox.add_journal_entry(record["id"], update.journal_entry)
            except (PermanentError, TransientError) as error:
                # Not raised, since the record was written: only the entry has to be retried.
                reason = one_line(str(error), MAX_MESSAGE_CHARS)
                return snapshot.model_copy(update={"journal_error": reason})
        return snapshot

    def _find_record(self, fabric_id: str) -> Row | None:
        """Return the record; None only if it does not exist, not if permissions hide it."""
        record = self.netbox.find_record(fabric_id)
        if record is None:
            self.netbox.check_all_records_visible()
        return record

    def _compute_changes(self, update: RecordUpdate, deadline: Deadline, record: Row) -> Row:
        """Return the fields to write to the `record` that has just been read."""
        if deadline.has_passed:
            raise TransientError(f"The record of {update.fabric_id} was not written in time.")
        check_owner(record, self.instance)
        fields = find_changed_fields(record, update.edits, update.last_known, datetime.now(UTC))
        # Not only the first sync: the namespace may have another name than before it was moved.
        is_named = get_owner_instance(record) == self.instance
        return fields if is_named else fields | {"hh_instance": self.instance}

    def _write(self, record_id: int, update: RecordUpdate, deadline: Deadline) -> Row | None:
        make_changes = partial(self._compute_changes, update, deadline)
        try:
            return self.netbox.update_record(record_id, make_changes)
        except BadRequest as error:
            with suppress(PermanentError, TransientError):  # the first error matters more
                text = escape_markdown(str(error))
                self.netbox.add_journal_entry(record_id, text, kind="danger")
            raise

    def _build_snapshot(self, record: Row | None) -> RecordSnapshot:
        if record is None:
            nothing = LastKnownState()
            return RecordSnapshot(config=None, last_known=nothing, settings=self.settings)
        return RecordSnapshot(
            config=parse_config(record),
            last_known=parse_last_known_state(record),
            settings=self.settings,
            is_consistent=is_consistent(record) and bool(get_owner_instance(record)),
            was_switched_off=get_shown_status(record) in SWITCHED_OFF_STATUSES,
        )


def _get_deadline() -> Deadline:
    """Return when the caller gives up, by what Temporal's clock leaves of its limit."""
    info = activity.info() if activity.in_activity() else None
    if info is None or info.schedule_to_close_timeout is None:
        return Deadline(math.inf)
    waited = info.started_time - info.scheduled_time
    return Deadline.after((info.schedule_to_close_timeout - waited).total_seconds())


def check_owner(record: Row, instance: str) -> None:
    """Raise `OwnedByOtherInstallation` unless `instance` or nobody owns the record."""
    if other := find_other_owner(record, instance):
        raise OwnedByOtherInstallation(
            f"The record of {record['name']} belongs to another installation of Fabric Sync"
            f" ({other}): nothing was written. To move it here, run"
            f" `starter.py doctor {record['custom_fields']['hh_fabric_id']} --take-over`."
        )
