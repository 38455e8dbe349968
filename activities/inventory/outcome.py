"""What a pass over an inventory is reported as, within the bounds of a message."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from activities.errors import one_line
from fabrics.inventory import Plan
from fabrics.inventory.guards import Verdict
from fabrics.inventory.report import (
    MAX_FINDINGS,
    MAX_TEXT,
    DeletesWaiting,
    Finding,
    InventoryReport,
    Problem,
)

MAX_NAMED: Final = 20


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
        findings=tuple(
            Finding(
                problem=each.problem,
                what=one_line(each.what, MAX_TEXT),
                why=one_line(each.why, MAX_TEXT),
            )
            for each in ordered[:MAX_FINDINGS]
        ),
    )


def waiting_of(verdict: Verdict) -> DeletesWaiting | None:
    if not verdict.waiting:
        return None
    return DeletesWaiting(
        digest=verdict.digest,
        counts=dict(Counter(str(each.id.model) for each in verdict.waiting)),
        first=tuple(
            one_line(f"{each.id.model} {each.key}", MAX_TEXT)
            for each in verdict.waiting[:MAX_NAMED]
        ),
    )
