"""The diff of one fabric, by object and field, as `starter.py diff` shows it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from pydantic import BaseModel

from fabrics.drift.acceptance.texts import count_accepted
from fabrics.drift.model import Drift
from fabrics.drift.notices import describe_notices, limit_notices
from fabrics.drift.sentences import shorten
from fabrics.drift.summary import (
    ACCEPTED_LIMITS,
    PAYLOAD_LIMITS,
    SummaryEntry,
    SummaryLimits,
    summarize,
)
from fabrics.resources.kinds import Kind
from fabrics.resources.manifests.files import DesiredState
from fabrics.texts import Line

MAX_SENTENCES = 20
MAX_SENTENCE_CHARS = 500
MAX_UNMANAGED_CHARS = 200
MAX_REASON_CHARS = 100
MAX_RULE_CHARS = 80


@dataclass(frozen=True, slots=True)
class AcceptedSummary:
    """What a rule accepts of one object; `rule` is the file and line of the rule."""

    entry: SummaryEntry
    reason: Line
    rule: Line
    until: date | None = None


class DiffReport(BaseModel, frozen=True):
    """The first drifted objects; `left_out` others did not fit.

    `accepted` has what rules accept, which is no drift, of the first of `accepted_count` objects.
    `error` says why nothing was compared (then there are no entries), `problems` which parts of Git
    or the API were not compared, `unmanaged` which live values Git leaves to the installer, and
    `notices` what is to be done about the rules, and what this version does not know.
    """

    commit: str = ""
    error: str = ""
    drift_count: int = 0
    entries: tuple[SummaryEntry, ...] = ()
    left_out: int = 0
    accepted: tuple[AcceptedSummary, ...] = ()
    accepted_count: int = 0
    unmanaged: tuple[str, ...] = ()
    unmanaged_count: int = 0
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The exit code, as of `diff`: 0 no drift, 1 drift, 2 an error or a problem."""
        if self.error or self.problems:
            return 2
        return 1 if self.drift_count else 0


def build_diff_report(
    desired: DesiredState,
    drift: Drift,
    commit: str = "",
    notices: tuple[str, ...] = (),
    limits: SummaryLimits = PAYLOAD_LIMITS,
) -> DiffReport:
    """Build the report of a drift from the `desired` state at `commit`.

    `notices` are those on the selection of the fabric's objects.
    """
    summary = summarize(drift, limits)
    problems = (*describe_problems(desired, drift), *describe_unread_kinds(drift.unread_kinds))
    return DiffReport(
        commit=commit,
        drift_count=len(drift.entries),
        entries=summary.entries,
        left_out=summary.left_out,
        accepted=_summarize_accepted(drift),
        accepted_count=count_accepted(drift),
        unmanaged=tuple(
            shorten(f"{field.key} {field.path}", MAX_UNMANAGED_CHARS)
            for field in drift.unmanaged[:MAX_SENTENCES]
        ),
        unmanaged_count=len(drift.unmanaged),
        problems=tuple(shorten(text, MAX_SENTENCE_CHARS) for text in problems[:MAX_SENTENCES]),
        notices=limit_notices((*drift.rule_notices, *notices, *describe_notices(drift))),
    )


def _summarize_accepted(drift: Drift) -> tuple[AcceptedSummary, ...]:
    entries = Drift(entries=tuple(accepted.entry for accepted in drift.accepted))
    shown = summarize(entries, ACCEPTED_LIMITS).entries
    rules = (accepted.rule for accepted in drift.accepted)
    return tuple(
        AcceptedSummary(
            entry=entry,
            reason=shorten(rule.reason, MAX_REASON_CHARS),
            rule=shorten(str(rule.location), MAX_RULE_CHARS),
            until=rule.until,
        )
        for entry, rule in zip(shown, rules, strict=False)
    )


def describe_problems(desired: DesiredState, drift: Drift | None) -> tuple[str, ...]:
    """Describe what was not compared: bad manifests and kinds that are not served."""
    drift = drift or Drift()
    unserved = (
        f"Git defines {kind.name} objects, but the fabric's API does not serve {kind.api_version}"
        f" {kind.plural}: it runs another release of Hedgehog."
        for kind in drift.unserved_kinds
        if drift.counts[kind].desired
    )
    return (*map(str, desired.problems), *unserved)


def describe_unread_kinds(kinds: Iterable[Kind]) -> Iterator[str]:
    """Yield why objects in Git of known kinds were not compared."""
    for kind in kinds:
        yield (
            f"Git defines {kind.name} objects, but no {kind.plural} were listed; they are not compared."
            " The fabric's account needs the rights in deploy/clusterrole.yaml to list them."
        )
