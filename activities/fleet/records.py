"""The records of a fleet, as a round reads and corrects them.

A problem with one record does not affect the others: it is returned as a sentence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Final

from tenacity import Retrying, retry_if_exception_message, stop_after_attempt

from activities.errors import NoResponseError, PermanentError, TransientError
from activities.netbox.client import NetBox, Row
from fabrics.record.config import ConfigEdits
from fabrics.record.config_fields import parse_config, unwrap_custom_fields
from fabrics.record.status_fields import (
    find_changed_fields,
    find_other_owner,
    make_fabric_id,
    parse_last_known_state,
)

DUPLICATE_ID_PATTERN: Final = r"(?s).*hh_fabric_id.*unique"
"""Matches NetBox's error for a fabric id that another cluster has."""

MAX_ID_CANDIDATES: Final = 5
"""Fabric ids that are tried for one record in one round."""


@dataclass(frozen=True)
class FleetRecords:
    """All records; `instance` names this installation, as in `hh_instance`."""

    netbox: NetBox
    instance: str

    def load(self) -> tuple[list[Row], list[str]]:
        """Load all records, assign missing fabric ids, and list problems."""
        rows = self.netbox.list_records()
        taken = {str(unwrap_custom_fields(row).get("hh_fabric_id")) for row in rows}
        problems = []
        for index, row in enumerate(rows):
            has_id = unwrap_custom_fields(row).get("hh_fabric_id")
            if has_id or find_other_owner(row, self.instance):
                continue
            try:
                rows[index] = self._assign_fabric_id(row, taken)
            except NoResponseError:
                raise
            except (PermanentError, TransientError) as error:
                problems.append(f"{row['name']}: {error}")
        return rows, problems

    def _assign_fabric_id(self, row: Row, taken: set[str]) -> Row:
        """Give the record a unique fabric id, add that to `taken`, and return the record.

        Candidates are retried, since clusters that are no longer fabrics, and so not listed, keep their ids.
        """

        def assign() -> Row:
            fabric_id = make_fabric_id(row["name"], taken)
            taken.add(fabric_id)
            make_fields = partial(_compute_id_fields, fabric_id)
            return self.netbox.update_record(row["id"], make_fields) or row

        retry = Retrying(
            stop=stop_after_attempt(MAX_ID_CANDIDATES),
            retry=retry_if_exception_message(match=DUPLICATE_ID_PATTERN),
            reraise=True,
        )
        return retry(assign)

    def write_statuses(self, rows: Iterable[Row]) -> list[str]:
        """Write the statuses of records without a loop, and list problems."""
        problems = []
        for row in rows:
            try:
                if _compute_settled_status(row):
                    self.netbox.update_record(row["id"], _compute_settled_status)
            except NoResponseError:
                raise
            except (PermanentError, TransientError) as error:
                problems.append(f"{row['name']}: {error}")
        return problems


def _compute_id_fields(fabric_id: str, row: Row) -> Row:
    """Return the fabric id and status fields; nothing if the record has an id."""
    if unwrap_custom_fields(row).get("hh_fabric_id"):
        return {}
    fields = {**row["custom_fields"], "hh_fabric_id": fabric_id}
    return {"hh_fabric_id": fabric_id} | _compute_status_fields({**row, "custom_fields": fields})


def _compute_settled_status(row: Row) -> Row:
    """Return a record's status fields; nothing if it needs a loop by now."""
    config = parse_config(row)
    return {} if config.needs_loop and not config.has_invalid_id else _compute_status_fields(row)


def _compute_status_fields(row: Row) -> Row:
    """Return the status fields that are wrong, given that no sync is running."""
    return find_changed_fields(row, ConfigEdits(), parse_last_known_state(row), datetime.now(UTC))
