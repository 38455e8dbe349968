"""What a pass over an inventory is reported as, within the bounds of a message."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from activities.errors import one_line
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.prune.policy import Verdict
from fabrics.inventory.report.report import (
    MAX_BYTES,
    MAX_FINDINGS,
    MAX_TEXT,
    DeletesWaiting,
    Finding,
    InventoryReport,
    Problem,
)

MAX_NAMED: Final = 15
MAX_NAME: Final = 100
"""Characters of what is to be deleted."""


def skipped(plan: Plan) -> list[Finding]:
    return [
        Finding(problem=Problem.SKIPPED, what=each.key, why=each.reason) for each in plan.skipped
    ]


def report_of(problems: Iterable[Finding], **counts: int) -> InventoryReport:
    """The `counts` of what was written, and the first findings: causes before what follows from them."""
    urgency = (Problem.CONFLICT, Problem.ADOPTABLE, Problem.FAILED, Problem.SKIPPED)
    ordered = sorted(problems, key=lambda each: urgency.index(each.problem))
    return InventoryReport(
        **counts,
        problems=dict(Counter(each.problem for each in ordered)),
        findings=tuple(_fitting(map(_shortened, ordered[:MAX_FINDINGS]))),
    )


def _shortened(finding: Finding) -> Finding:
    what, why = (one_line(text, MAX_TEXT) for text in (finding.what, finding.why))
    return Finding(problem=finding.problem, what=what, why=why)


def _fitting(findings: Iterable[Finding]) -> Iterator[Finding]:
    """As many, from the first on, as fit."""
    room = MAX_BYTES
    for each in findings:
        room -= len(each.model_dump_json().encode())
        if room < 0:
            return
        yield each


def waiting_of(verdict: Verdict) -> DeletesWaiting | None:
    if not verdict.waiting:
        return None
    return DeletesWaiting(
        digest=verdict.digest,
        counts=dict(Counter(str(each.id.model) for each in verdict.waiting)),
        first=tuple(
            one_line(f"{each.id.model} {each.key}", MAX_NAME)
            for each in verdict.waiting[:MAX_NAMED]
        ),
    )
