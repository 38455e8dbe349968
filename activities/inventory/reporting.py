"""Build the report of an inventory update, within a message's size limit."""

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


def plan_findings(plan: Plan) -> Iterator[Finding]:
    """Yield what the plan cannot show, and switches that are others than stated."""
    for skipped in plan.skipped:
        yield Finding(problem=FindingType.SKIPPED, what=skipped.key, why=skipped.reason)
    for switch, sentence in plan.unexpected_switches:
        yield Finding(problem=FindingType.UNEXPECTED, what=switch, why=sentence)


def build_report(findings: Iterable[Finding], **counts: int) -> InventoryReport:
    """Build a report of `counts` and the first findings, causes before effects."""
    urgency = (
        FindingType.CONFLICT,
        FindingType.ADOPTABLE,
        FindingType.FAILED,
        FindingType.WAITING,
        FindingType.UNEXPECTED,
        FindingType.SKIPPED,
    )
    ordered = sorted(findings, key=lambda finding: urgency.index(finding.problem))
    return InventoryReport(
        **counts,
        problems=dict(Counter(finding.problem for finding in ordered)),
        findings=tuple(_take_fitting(ordered[:MAX_FINDINGS])),
    )


def _take_fitting(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the first findings, shortened, as many as fit into `MAX_FINDINGS_BYTES`."""
    remaining_bytes = MAX_FINDINGS_BYTES
    for finding in findings:
        what, why = (one_line(text, MAX_FINDING_TEXT_CHARS) for text in (finding.what, finding.why))
        short = Finding(problem=finding.problem, what=what, why=why)
        remaining_bytes -= len(short.model_dump_json().encode())
        if remaining_bytes < 0:
            return
        yield short


def summarize_waiting_deletes(decision: PruneDecision) -> DeletesWaiting | None:
    if not decision.to_confirm:
        return None
    names = (f"{row.id.model} {row.key}" for row in decision.to_confirm[:MAX_NAMED_DELETES])
    return DeletesWaiting(
        digest=decision.digest,
        counts=dict(Counter(str(row.id.model) for row in decision.to_confirm)),
        first=tuple(one_line(name, MAX_NAME_CHARS) for name in names),
    )
