"""The suite counts distinct faults, and its page tells what was survived."""

import json

import pytest

from tests.support.faults.faults import Dependency
from tests.support.faults.outcomes import Outcome, Triple
from tests.support.faults.report import render
from tests.support.faults.results import check_outcomes, merge_outcomes, to_json

ONE = Triple(Dependency.NETBOX, "503", "POST dcim/devices")
OTHER = Triple(Dependency.KUBERNETES, "drop", "servers")


def test_fault_that_was_not_survived_fails_and_is_named() -> None:
    noted: list[tuple[str, object]] = []
    outcomes = [Outcome(ONE), Outcome(OTHER, ("sync 3 was done twice",))]
    with pytest.raises(AssertionError, match="kubernetes, drop at servers: sync 3 was done twice"):
        check_outcomes(outcomes, lambda name, value: noted.append((name, value)))
    assert len(noted) == 2


def test_same_fault_counts_once() -> None:
    merged = merge_outcomes([Outcome(ONE), Outcome(ONE, ("lost",)), Outcome(OTHER)])
    assert merged == [Outcome(ONE, ("lost",)), Outcome(OTHER)]


def test_page_tells_what_was_survived() -> None:
    rows = json.loads(to_json([Outcome(ONE), Outcome(OTHER, ("lost",))]))["faults"]
    page = render(rows)
    assert "**1 of 2 distinct faults were survived.**" in page
    assert "| 503 |  | 1 of 1 |" in page
    assert "| netbox | `POST dcim/devices` | 1 |" in page
    assert "- kubernetes, drop at `servers`: lost" in page
