"""The whole difference of one fabric, for a person who looks: per object, field by field."""

from pydantic import BaseModel

from fabrics.drift import (
    PAYLOAD_LIMITS,
    Drift,
    SummaryEntry,
    SummaryLimits,
    UnmanagedField,
    summarise,
)
from fabrics.resources.manifests import DesiredState

MAX_SENTENCES = 20
MAX_SENTENCE_CHARS = 500
"""Characters."""


class DiffReport(BaseModel, frozen=True):
    """What differs, as far as it fits; `left_out` more objects differ.

    `error` says why nothing could be compared (then there are no entries), `problems` which parts of
    Git or of the API were left aside, `unmanaged` which live values Git leaves to the installer.
    """

    commit: str = ""
    error: str = ""
    drift_count: int = 0
    entries: tuple[SummaryEntry, ...] = ()
    left_out: int = 0
    unmanaged: tuple[str, ...] = ()
    unmanaged_count: int = 0
    problems: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """As `diff` has it: 0 none, 1 differences, 2 trouble, which a partly read side is too."""
        if self.error or self.problems:
            return 2
        return 1 if self.drift_count else 0


def build_diff_report(
    desired: DesiredState, drift: Drift, commit: str = "", limits: SummaryLimits = PAYLOAD_LIMITS
) -> DiffReport:
    """The report of a drift from what `desired` asks for."""
    summary = summarise(drift, limits)
    unread = (
        f"Git holds {kind.name} objects, but no {kind.plural} were listed: nothing is said of them."
        for kind in drift.unread_kinds
    )
    return DiffReport(
        commit=commit,
        drift_count=len(drift.entries),
        entries=summary.entries,
        left_out=summary.left_out,
        unmanaged=tuple(map(_describe_unmanaged, drift.unmanaged[:MAX_SENTENCES])),
        unmanaged_count=len(drift.unmanaged),
        problems=(*describe_problems(desired, drift), *unread)[:MAX_SENTENCES],
    )


def describe_problems(desired: DesiredState, drift: Drift | None) -> tuple[str, ...]:
    """What is left aside and why: unreadable parts of Git, and kinds that the API does not serve."""
    unserved = (
        f"Git holds {kind.name} objects, but the fabric's API serves no {kind.api_version}"
        f" {kind.plural}: it runs another release of Hedgehog."
        for kind in (drift.unserved_kinds if drift else ())
        if drift and drift.counts[kind].desired
    )
    return (*(str(problem)[:MAX_SENTENCE_CHARS] for problem in desired.problems), *unserved)


def _describe_unmanaged(field: UnmanagedField) -> str:
    return f"{field.key} {field.path}"[:200]
