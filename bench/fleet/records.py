"""A NetBox that answers at once: the records of a fleet, one file each.

Files survive a killed worker and serve several, as NetBox does.
"""

import json
from pathlib import Path
from typing import Final, override

from activities.netbox.client import CLUSTER_TYPE_SLUG, NetBox, Row

RECORDS: Final = "records"
WRITES: Final = "writes.log"


def create_records(folder: Path, fabric_ids: list[str], interval: int) -> None:
    """Create enabled records of fabrics with this interval in seconds."""
    (folder / RECORDS).mkdir(parents=True)
    for number, fabric_id in enumerate(fabric_ids, start=1):
        fields = {
            "hh_fabric_id": fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": interval,
            "hh_kubernetes_server": "https://127.0.0.1:6443",
            "hh_git_repository": "https://127.0.0.1/fabrics.git",
        }
        row = {
            "id": number,
            "name": fabric_id,
            "status": {"value": "active", "label": "Active"},
            "type": {"slug": CLUSTER_TYPE_SLUG},
            "scope_type": None,
            "scope_id": None,
            "custom_fields": fields,
        }
        _write(_record_path(folder, number), row)


def read_last_write(folder: Path) -> float:
    """Return when a record was last written, in seconds since the epoch; 0 if never."""
    writes = folder / WRITES
    return writes.stat().st_mtime if writes.exists() else 0.0


class InstantNetBox(NetBox):
    """The client of NetBox as workers use it, over the records in `folder`."""

    folder: Path

    @override
    def list_records(self, **filters: object) -> list[Row]:
        return [_read(path) for path in (self.folder / RECORDS).glob("*.json")]

    @override
    def find_record(self, fabric_id: str) -> Row | None:
        path = _record_path(self.folder, int(fabric_id.rpartition("-")[2]) + 1)
        return _read(path) if path.exists() else None

    @override
    def check_all_records_visible(self) -> None:
        """Accept that a record was not found: nobody hides any."""

    @override
    def get_record(self, record_id: int) -> tuple[Row, str]:
        return _read(_record_path(self.folder, record_id)), "any"

    @override
    def patch_record(self, record_id: int, custom_fields: Row, etag: str) -> Row:
        record, _ = self.get_record(record_id)
        record["custom_fields"] |= custom_fields
        _write(_record_path(self.folder, record_id), record)
        self._note_write()
        return record

    @override
    def add_journal_entry(self, record_id: int, text: str, kind: str = "info") -> None:
        self._note_write()

    def _note_write(self) -> None:
        with (self.folder / WRITES).open("a") as log:
            log.write("w\n")


def _record_path(folder: Path, number: int) -> Path:
    return folder / RECORDS / f"{number}.json"


def _read(path: Path) -> Row:
    row: Row = json.loads(path.read_text())
    return row


def _write(path: Path, row: Row) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(row))
    new.replace(path)  # at once, so that nobody reads half of it
