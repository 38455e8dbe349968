"""What a pass over an inventory is reported as, within the bounds of a message."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from activities.errors import one_line
from fabrics.inventory.plan.plan import Plan
from fabrics.inventory.prune.policy import PruneDecision
from fabrics.inventory.report.report import (
    MAX_FINDING_TEXT_CHARS,
    MAX_FINDINGS,
    MAX_FINDINGS_BYTES,
    DeletesWaiting,
    Finding,
    FindingType,
    InventoryReport,
)

MAX_NAMED_DELETES: Final = 15
MAX_NAME_CHARS: Final = 100
"""Characters of what is to be deleted."""


def skipped_findings(plan: Plan) -> list[Finding]:
    return [
        Finding(problem=FindingType.SKIPPED, what=each.key, why=each.reason)
        for each in plan.skipped
    ]


def build_report(findings: Iterable[Finding], **counts: int) -> InventoryReport:
    """The `counts` of what was written, and the first findings: causes before what follows from them."""
    urgency = (FindingType.CONFLICT, FindingType.ADOPTABLE, FindingType.FAILED, FindingType.SKIPPED)
    ordered = sorted(findings, key=lambda each: urgency.index(each.problem))
    return InventoryReport(
        **counts,
        problems=dict(Counter(each.problem for each in ordered)),
        findings=tuple(_take_fitting(map(_shorten, ordered[:MAX_FINDINGS]))),
    )


def _shorten(finding: Finding) -> Finding:
    what, why = (one_line(text, MAX_FINDING_TEXT_CHARS) for text in (finding.what, finding.why))
    return Finding(problem=finding.problem, what=what, why=why)


def _take_fitting(findings: Iterable[Finding]) -> Iterator[Finding]:
    """As many, from the first on, as fit."""
    room = MAX_FINDINGS_BYTES
    for each in findings:
        room -= len(each.model_dump_json().encode())
        if room < 0:
            return
        yield each


def summarize_waiting_deletes(decision: PruneDecision) -> DeletesWaiting | None:
    if not decision.to_confirm:
        return None
    return DeletesWaiting(
        digest=decision.digest,
        counts=dict(Counter(str(each.id.model) for each in decision.to_confirm)),
        first=tuple(
            one_line(f"{each.id.model} {each.key}", MAX_NAME_CHARS)
            for each in decision.to_confirm[:MAX_NAMED_DELETES]
        ),
    )
