"""The results of the fault suite: a pytest plugin that counts what was survived.

With `FABRIC_SYNC_FAULT_RESULTS=FILE` they are also written to that file, as JSON: `faults` is a list of objects with
`dependency`, `fault`, `step` and `problems` (a list, empty if the fault was survived).
"""

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.faults.outcomes import Outcome, Triple

PROPERTY: Final = "fault"
VARIABLE: Final = "FABRIC_SYNC_FAULT_RESULTS"

type RecordProperty = Callable[[str, object], None]


def check_outcomes(outcomes: Iterable[Outcome], record_property: RecordProperty) -> None:
    """Note the outcomes for the summary; fail with all faults that were not survived."""
    failed = []
    for outcome in outcomes:
        # Plain strings, since pytest-xdist sends no others.
        record_property(PROPERTY, [*map(str, outcome.triple), list(outcome.problems)])
        if outcome.problems:
            failed.append(str(outcome))
    assert not failed, "\n".join(failed)


def merge_outcomes(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return one outcome for each distinct fault, with all problems of its trials."""
    problems: dict[Triple, tuple[str, ...]] = {}
    for outcome in outcomes:
        problems[outcome.triple] = problems.get(outcome.triple, ()) + outcome.problems
    return [Outcome(triple, found) for triple, found in problems.items()]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many distinct faults were survived, and write the file."""
    outcomes = merge_outcomes(_iter_outcomes(terminalreporter))
    if not outcomes:
        return
    survived = sum(not outcome.problems for outcome in outcomes)
    terminalreporter.write_line(f"Distinct faults: {len(outcomes)}, survived: {survived}")
    if file := os.environ.get(VARIABLE):
        Path(file).write_text(to_json(outcomes))


def to_json(outcomes: Iterable[Outcome]) -> str:
    """Return outcomes as the text of a results file."""
    rows = [
        {**outcome.triple._asdict(), "problems": list(outcome.problems)}
        for outcome in sorted(outcomes, key=lambda outcome: outcome.triple)
    ]
    return json.dumps({"faults": rows}, indent=1) + "\n"


def _iter_outcomes(terminalreporter: pytest.TerminalReporter) -> Iterable[Outcome]:
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties: Iterable[tuple[str, Any]] = getattr(report, "user_properties", ())
            is_call = getattr(report, "when", "") == "call"
            for name, value in properties if is_call else ():
                if name == PROPERTY:
                    dependency, fault, step, problems = value
                    yield Outcome(Triple(dependency, fault, step), tuple(problems))
