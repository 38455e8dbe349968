"""The whole difference of one fabric, for a person who looks: per object, field by field."""

from pydantic import BaseModel

from fabrics.drift import (
    FOR_A_MESSAGE,
    Bounds,
    Drift,
    SummaryEntry,
    UnmanagedField,
    summarise,
)

MAX_SENTENCES = 20


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


def diff_report(
    drift: Drift,
    problems: tuple[str, ...] = (),
    commit: str = "",
    bounds: Bounds = FOR_A_MESSAGE,
) -> DiffReport:
    """The report of a drift."""
    summary = summarise(drift, bounds)
    return DiffReport(
        commit=commit,
        drift_count=len(drift.entries),
        entries=summary.entries,
        left_out=summary.left_out,
        unmanaged=tuple(map(_unmanaged, drift.unmanaged[:MAX_SENTENCES])),
        unmanaged_count=len(drift.unmanaged),
        problems=problems[:MAX_SENTENCES],
    )


def _unmanaged(field: UnmanagedField) -> str:
    return f"{field.key} {field.path}"[:200]
