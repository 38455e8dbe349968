"""Write `docs/fault-suite.md` from the results of the last whole run.

Run `python -m tests.support.faults.report RESULTS.json`.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.support.faults.faults import FAULTS
from tests.support.paths import PROJECT

HEADER: Final = """# Fault suite

`make faults` breaks what Fabric Sync depends on, in every way of the tables below, while it syncs small fabrics every
five seconds. After each fault no schedule, no sync number and no object in NetBox may be lost or doubled, no record may
be left `syncing`, and everything must be healthy within one interval, 10 seconds and the longest declared back-off of
the fault's end, and the time that the work itself takes. A distinct fault is a dependency, a fault and a step: one
exchange of the product with that dependency. Several strike a fleet at the same time or in turn, each another fabric.

This page is written by `python -m tests.support.faults.report` from the results of the last whole run.
"""

type Row = Mapping[str, Any]


def render(rows: Sequence[Row]) -> str:
    """Return the page for the rows of a results file."""
    survived = [row for row in rows if not row["problems"]]
    parts = [
        HEADER,
        f"**{len(survived)} of {len(rows)} distinct faults were survived.**\n",
        "## By dependency and fault\n",
        _render_faults(rows),
        "## Steps\n",
        *_render_steps(rows),
    ]
    if lost := [row for row in rows if row["problems"]]:
        parts += ["## Not survived\n", *map(_render_failure, lost)]
    return "\n".join(parts)


def _render_faults(rows: Sequence[Row]) -> str:
    dependencies = sorted({row["dependency"] for row in rows})
    total = Counter((row["fault"], row["dependency"]) for row in rows)
    survived = Counter((row["fault"], row["dependency"]) for row in rows if not row["problems"])
    order = {fault.name: number for number, fault in enumerate(FAULTS)}
    faults = sorted({row["fault"] for row in rows}, key=lambda name: (order.get(name, 99), name))
    lines = [["fault", *dependencies], ["---"] * (len(dependencies) + 1)]
    for fault in faults:
        cells = (
            f"{survived[fault, dependency]} of {count}"
            if (count := total[fault, dependency])
            else ""
            for dependency in dependencies
        )
        lines.append([fault, *cells])
    return _render_table(lines)


def _render_steps(rows: Sequence[Row]) -> Iterable[str]:
    counts = Counter((row["dependency"], row["step"]) for row in rows)
    lines = [["dependency", "step", "faults"], ["---"] * 3]
    for (dependency, step), count in sorted(counts.items()):
        lines.append([dependency, f"`{step}`", str(count)])
    yield _render_table(lines)


def _render_table(lines: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _render_failure(row: Row) -> str:
    name = f"{row['dependency']}, {row['fault']} at `{row['step']}`"
    return f"- {name}: {'; '.join(row['problems'])}"


if __name__ == "__main__":
    page = render(json.loads(Path(sys.argv[1]).read_text())["faults"])
    (PROJECT / "docs" / "fault-suite.md").write_text(page)
