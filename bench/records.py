"""Measure what the records of a fleet cost NetBox.

Run `.venv/bin/python bench/records.py`. A real NetBox gets the writes of one fabric's record, one PATCH each, as a
sync makes them: heartbeats of a fabric without drift and of one with twenty drifted objects, and changes between
the two. Each leaves a row in NetBox's changelog, with the whole record before and after. Journal entries are
measured, too. Bytes are those of the table with its indexes, from PostgreSQL; CPU time is that of NetBox, its
background worker and PostgreSQL. Finally all records of a fleet are read, as each round of the fleet does.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Annotated, Any, Final

import typer

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `python bench/growth.py`

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import CLUSTER_TYPE_SLUG, CLUSTERS_PATH, NetBox, Row
from bench.installation.cpu_time import read_cpu_seconds
from bench.installation.netbox_database import (
    CHANGELOG_TABLE,
    JOURNAL_TABLE,
    NETBOX_SERVICES,
    NetBoxDatabase,
)
from bench.measure.result import describe_machine, print_result, report_progress
from fabrics.drift.summary import SummaryEntry, SummaryField
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import build_status_fields
from fabrics.record.sync_status import ConnectionStatus, LastKnownState
from stack.demo.seed import set_up_netbox
from stack.stack import Stack

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
HEARTBEAT: Final = timedelta(seconds=900)
COUNTS: Final = {"Switch": 34, "Server": 340, "Connection": 680, "VPC": 17, "VPCAttachment": 17}
"""The live objects of a fabric with seventeen racks."""

JOURNAL_TEXT: Final = (
    "**out_of_sync** since 2026-01-01 00:00:00 UTC. 1 object differs from Git (commit 0123456789ab):"
    " Server server-0-0 changed."
)

RECORDS_PER_REQUEST: Final = 100

type States = Callable[[int], LastKnownState]
"""Returns what a record says after its nth write."""


def main(
    writes: Annotated[int, typer.Option(min=1, help="Writes of each kind.")] = 300,
    fabrics: Annotated[int, typer.Option(min=1, help="Records that a round reads.")] = 1000,
) -> None:
    """Measure what the records of a fleet cost NetBox."""
    machine = describe_machine()
    with Stack(report_progress) as stack:
        token = set_up_netbox(stack)
        print_result("records", machine, measure(stack, token, writes, fabrics))


def measure(stack: Stack, token: str, writes: int, fabrics: int) -> dict[str, Any]:
    """Return the cost of each kind of write, and of reading all records."""
    with closing(InventoryNetBox(stack.netbox.url, token, connect_timeout=5, timeout=60)) as netbox:
        record = netbox.create_record("fabric", _SOURCES)
        rows = []
        for name, make_state in _STATES.items():
            _write_states(netbox, record, map(make_state, range(2)))  # the first differ more
            with _measuring(name, CHANGELOG_TABLE, stack) as row:
                _write_states(netbox, record, map(make_state, range(2, writes + 2)))
            rows.append(row)
        with _measuring("journal entry", JOURNAL_TABLE, stack) as row:
            for number in range(writes):
                netbox.add_journal_entry(record["id"], f"{JOURNAL_TEXT} ({number})")
        return {
            "writes": [*rows, row],
            "round": [_measure_round(netbox, record, fabrics, stack)],
        }


@contextmanager
def _measuring(name: str, table: str, stack: Stack) -> Iterator[dict[str, Any]]:
    """Yield a row, which after the block says what each of its writes cost."""
    database = NetBoxDatabase.of_stack(stack)
    row: dict[str, Any] = {"write": name}
    before, cpu = database.read_table(table), _read_cpu_ms(stack)
    yield row
    used, after = _read_cpu_ms(stack), database.read_table(table)
    writes = after.rows - before.rows
    row |= {"rows": writes, "bytes_per_row": after.bytes_per_row_since(before)}
    row |= {"cpu_ms": {service: round((used[service] - cpu[service]) / writes) for service in cpu}}


def _read_cpu_ms(stack: Stack) -> dict[str, float]:
    return {
        service: 1000 * read_cpu_seconds(stack.list_processes(service))
        for service in NETBOX_SERVICES
    }


def _write_states(netbox: NetBox, record: Row, states: Iterable[LastKnownState]) -> None:
    config = parse_config(record)
    for state in states:
        fields = build_status_fields(config, state)
        netbox.update_record(record["id"], lambda _record, fields=fields: fields)


def _measure_round(
    netbox: InventoryNetBox, record: Row, fabrics: int, stack: Stack
) -> dict[str, Any]:
    """Read all records, once there are as many as `fabrics`."""
    fields = _SOURCES | build_status_fields(parse_config(record), _make_state(0, 0))
    common = {"type": {"slug": CLUSTER_TYPE_SLUG}, "custom_fields": fields}
    names = [f"fabric-{number}" for number in range(1, fabrics)]
    for batch in batched(names, RECORDS_PER_REQUEST):
        netbox.write("POST", CLUSTERS_PATH, [common | {"name": name} for name in batch])
    cpu, started = _read_cpu_ms(stack), time.monotonic()
    read = netbox.list_records()
    seconds, used = time.monotonic() - started, _read_cpu_ms(stack)
    return {
        "records": len(read),
        "read_seconds": round(seconds, 2),
        "cpu_ms": {service: round(used[service] - cpu[service]) for service in cpu},
    }


def _make_state(number: int, drifted: int) -> LastKnownState:
    """Return the state after a sync that found this number of drifted objects."""
    moment = START + number * HEARTBEAT
    entries = (
        SummaryEntry("Server", "default", f"server-0-{n}", "changed", (_DRIFTED_FIELD,))
        for n in range(drifted)
    )
    return LastKnownState(
        last_sync=moment,
        last_success=moment,
        connection_status=ConnectionStatus.CONNECTED,
        commit="0123456789abcdef0123456789abcdef01234567",
        drift_count=drifted,
        drift=tuple(entries),
        counts=COUNTS,
    )


_SOURCES: Final = {
    "hh_sync_enabled": True,
    "hh_kubernetes_server": "https://berlin-dc1.example.com:6443",
    "hh_git_repository": "https://git.example.com/fabrics.git",
    "hh_git_directory": "berlin-dc1",
}
_DRIFTED_FIELD: Final = SummaryField("spec.description", '"rack 17"', '"rack 18"')
_STATES: Final[dict[str, States]] = {
    "heartbeat, in sync": lambda number: _make_state(number, 0),
    "heartbeat, 20 drifted objects": lambda number: _make_state(number, 20),
    "drift found or gone": lambda number: _make_state(number, number % 2),
}


if __name__ == "__main__":
    typer.run(main)
