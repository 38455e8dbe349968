"""The form of a benchmark's result."""

import json

import pytest

from bench.measure.result import describe_machine, print_result


def test_last_line_is_json_and_lists_are_tables(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"system": "rq", "cpu": {"worker": 1.5}}, {"system": "celery", "missed": None}]
    print_result("timing", {"cores": 2}, {"runs": rows, "fabrics": 3})
    *tables, last = capsys.readouterr().out.splitlines()
    assert json.loads(last) == {
        "bench": "timing",
        "runs": rows,
        "fabrics": 3,
        "machine": {"cores": 2},
    }
    text = "\n".join(tables)
    assert "cpu worker" in text
    assert "celery" in text
    assert "machine cores" in text


def test_machine_has_a_date_and_says_whether_it_is_busy() -> None:
    machine = describe_machine()
    assert machine["date"].endswith(" UTC")
    assert isinstance(machine["is_busy"], bool)
