"""The form of a benchmark's result: tables for people, then one line of JSON."""

import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table

BUSY_LOAD_PER_CORE: Final = 0.25
"""The load of other programs above which figures are marked as measured on a busy machine."""

TABLE_WIDTH: Final = 160


def describe_machine() -> dict[str, Any]:
    """Return the machine, the date and the load; call it before the measurement."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "cpu": _read_cpu_model(),
        "cores": cores,
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "python": platform.python_version(),
        "load": round(load, 1),
        "is_busy": load > BUSY_LOAD_PER_CORE * cores,
    }


def report_progress(text: str) -> None:
    """Say on standard error what is measured now."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def print_result(name: str, machine: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    """Print all figures as tables, and then as one JSON line.

    A list of rows in `result` has a table of its own.
    """
    lists = {title: rows for title, rows in result.items() if _is_list_of_rows(rows)}
    figures = {"machine": machine} | {k: v for k, v in result.items() if k not in lists}
    rows = [{"figure": figure, "value": value} for figure, value in _iter_cells(figures)]
    console = Console(width=TABLE_WIDTH)
    for title, table_rows in ({name: rows} | lists).items():
        console.print(build_table(title, table_rows))
    print(json.dumps({"bench": name, **result, "machine": machine}), flush=True)


def build_table(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return a table of rows; nested values have columns such as `cpu worker`."""
    cells = [dict(_iter_cells(row)) for row in rows]
    columns = list(dict.fromkeys(column for row in cells for column in row))
    table = Table(*columns, title=title, title_justify="left")
    for row in cells:
        table.add_row(*(_format_cell(row.get(column)) for column in columns))
    return table


def _is_list_of_rows(value: object) -> bool:
    return isinstance(value, list) and value != [] and isinstance(value[0], Mapping)


def _iter_cells(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _iter_cells(value, f"{prefix}{key} ")
        else:
            yield f"{prefix}{key}", value


def _format_cell(value: object) -> str:
    return "" if value is None else str(value)


def _read_cpu_model() -> str:
    with open("/proc/cpuinfo") as lines:  # noqa: PTH123  a device-like file, read line by line
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
