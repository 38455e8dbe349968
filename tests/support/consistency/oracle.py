"""The rules that a record must obey, independent of the project's own code.

They follow from the record's fields alone: the status that it may show, and what must agree with it.
"""

from typing import Final

from activities.netbox.client import Row
from fabrics.loop.report import FabricStatus

TOO_SHORT: Final = 3
"""An interval (seconds) that NetBox accepts but syncs cannot use; they use 300."""


def custom_fields(row: Row) -> Row:
    """Return a record's custom fields without `hh_` and choices without labels."""
    plain = {
        name: value["value"] if isinstance(value, dict) and "label" in value else value
        for name, value in row["custom_fields"].items()
    }
    return {name.removeprefix("hh_"): value for name, value in plain.items()}


def should_run(row: Row) -> bool:
    """Return whether this record must have a loop."""
    return expected_status(row) not in ("not_configured", "disabled")


def expected_status(row: Row) -> str:  # noqa: PLR0911  one line per status
    """Return the status that a record must show while no sync runs."""
    fields = custom_fields(row)
    if not fields["kubernetes_server"]:
        return "not_configured"
    is_active = row["status"]["value"] == "active"
    if not fields["sync_enabled"] or fields["sync_interval"] == 0 or not is_active:
        return "disabled"
    if fields["paused"]:
        return "paused"
    if not fields["last_sync"]:
        return "never_synced"
    if fields["sync_error"] or fields["sync_interval"] == TOO_SHORT:
        return "error"
    if fields["drift_count"]:
        return "out_of_sync"
    return (
        "in_sync" if fields["git_repository"] and fields["drift_count"] == 0 else "inventory_only"
    )


def find_contradictions(row: Row) -> list[str]:
    """Return the contradictions in a record's status; there must never be any."""
    fields = custom_fields(row)
    status, drift, error = fields["sync_status"], fields["drift_count"], fields["sync_error"]
    contradictions = {
        "error without a message": status == "error" and not error,
        "message without an error": error
        and status in ("in_sync", "out_of_sync", "inventory_only"),
        "out of sync without drift": status == "out_of_sync" and not drift,
        "in sync with drift": status == "in_sync" and drift != 0,
        "in sync but never synced": status == "in_sync" and not fields["last_sync"],
        "in sync after a failure": status in ("in_sync", "out_of_sync")
        and fields["last_success"] != fields["last_sync"],
        "never synced but with a last sync": status == "never_synced" and fields["last_sync"],
        "last success after the last sync": (fields["last_success"] or "")
        > (fields["last_sync"] or ""),
        "connection error without a message, or the reverse": (
            fields["connection_status"] == "error"
        )
        != bool(fields["connection_error"]),
        "connection status without a server": status == "not_configured"
        and fields["connection_status"] not in (None, "unknown"),
        "more drift entries than drift": len(fields["drift"] or []) > (drift or 0),
        "in sync without an instance": status == "in_sync" and not fields["instance"],
    }
    return [name for name, holds in contradictions.items() if holds]


def netbox_view(row: Row) -> tuple[object, ...]:
    """Return the values of a record that the loop and the command line report, too."""
    fields = custom_fields(row)
    interval = fields["sync_interval"]
    used_interval = interval if interval not in (None, TOO_SHORT) else 300
    return (
        fields["sync_status"],
        fields["drift_count"],
        fields["sync_error"] or "",
        bool(fields["paused"]),
        used_interval,
    )


def status_view(status: FabricStatus) -> tuple[object, ...]:
    """Return the same values of a status that the loop or the command line reports."""
    return (
        str(status.sync_status),
        status.drift_count,
        status.sync_error,
        status.paused,
        status.sync_interval,
    )
