"""Log lines with words of others: bounded, and nobody can forge one."""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.paths import PROJECT
from workers.log_lines import (
    FORMAT,
    INDENT,
    MAX_LINE_CHARS,
    MAX_TRACEBACK_LINES,
    JsonLineFormatter,
    LineFormatter,
)

FORGED = (
    "dc1\n2026-11-29 05:00:00,000 INFO activities fabric_sync.worker: Stopping\x1b[2K\u202e\udcff"
)


type Context = Mapping[str, object]

NOTHING: Context = {}
SYNC: dict[str, object] = {
    "fabric": "oslo",
    "sync": 12,
    "result": "in_sync",
    "lateness_seconds": None,
    "duration_seconds": 0.25,
    "drift": 0,
    "commit": "",
    "workflow_id": "fabric-sync/oslo",
    "run_id": "run 1",
}
"""The context of the line at the end of a sync."""


def make_record(
    message: str,
    arguments: tuple[object, ...] = (),
    error: Exception | None = None,
    context: Context = NOTHING,
) -> logging.LogRecord:
    """Return the record of a message about `arguments`, maybe with an error."""
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("test", logging.INFO, "", 0, message, arguments, exc_info)
    record.__dict__.update(context)
    return record


def format_record(
    message: str, *arguments: object, error: Exception | None = None, context: Context = NOTHING
) -> str:
    """Return the lines of a message as text."""
    record = make_record(message, arguments, error, context)
    return LineFormatter("%(levelname)s %(message)s").format(record)


def format_json(
    message: str, *arguments: object, error: Exception | None = None, context: Context = NOTHING
) -> dict[str, Any]:
    """Return the object of a message, which is one line."""
    line = JsonLineFormatter().format(make_record(message, arguments, error, context))
    assert line.isprintable()
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_message_is_one_printable_line() -> None:
    line = format_record("%s is there", FORGED)
    assert line.isprintable()
    assert line.startswith("INFO dc1\\n2026-11-29 05:00:00,000 INFO")
    assert line.endswith("Stopping\\x1b[2K\\u202e\\udcff is there")


def test_ordinary_message_stays_as_it_is() -> None:
    assert format_record("Zürich → %s", "東京: 100 %") == "INFO Zürich → 東京: 100 %"


def test_times_are_in_utc_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "JST-9")
    time.tzset()
    record = make_record("It is noon.")
    record.created, record.msecs = 1_795_953_600.0, 7.0
    try:
        line = LineFormatter(FORMAT).format(record)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert line.startswith("2026-11-29 12:00:00.007Z INFO ")


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\n" * 1_000_000, "\n" * (MAX_LINE_CHARS - 100)])
def test_long_message_is_cut(text: str) -> None:
    line = format_record("%s", text)
    assert len(line) == MAX_LINE_CHARS + len("...")
    assert line.endswith("...")


def test_lines_of_a_traceback_are_printable_and_indented() -> None:
    try:
        raise ValueError(FORGED)
    except ValueError as error:
        first, *others = format_record("It failed.", error=error).splitlines()
    assert first == "INFO It failed."
    assert others[0] == INDENT + "Traceback (most recent call last):"
    assert others[-1].endswith("Stopping\\x1b[2K\\u202e\\udcff")
    assert all(line.isprintable() and line.startswith(INDENT) for line in others)


def test_long_traceback_keeps_its_ends() -> None:
    error = ValueError("\n".join(["long", *"x" * 1_000_000, "y" * 1_000_000]))
    lines = format_record("It failed.", error=error).splitlines()
    assert len(lines) == 1 + MAX_TRACEBACK_LINES + 1
    assert lines[1] == INDENT + "ValueError: long"
    assert lines[-1].startswith(INDENT + "yyy")
    assert max(map(len, lines)) <= len(INDENT) + MAX_LINE_CHARS + len("...")


def test_context_follows_the_message_without_what_is_empty() -> None:
    assert format_record("Sync ended.", context=SYNC) == (
        "INFO Sync ended. fabric=oslo sync=12 result=in_sync duration_seconds=0.25 drift=0"
        ' workflow_id=fabric-sync/oslo run_id="run 1"'
    )


def test_context_is_bounded_and_follows_even_a_long_message() -> None:
    line = format_record("x" * 1_000_000, context=SYNC)
    assert line.endswith(
        "x... fabric=oslo sync=12 result=in_sync duration_seconds=0.25 drift=0"
        ' workflow_id=fabric-sync/oslo run_id="run 1"'
    )
    line = format_record("Sync ended.", context={"fabric": "x" * 1_000_000})
    assert len(line) == len("INFO Sync ended.") + MAX_LINE_CHARS + len("...")


def test_context_cannot_forge_a_field() -> None:
    line = format_record("Sync ended.", context={"commit": 'x" result=in_sync\n'})
    assert line == 'INFO Sync ended. commit="x\\" result=in_sync\\n"'


def test_json_has_the_message_its_context_and_its_place() -> None:
    parsed = format_json("%s ended.", "Sync", context=SYNC)
    assert parsed.pop("time").endswith("+00:00")
    assert parsed == SYNC | {
        "level": "INFO",
        "process": "MainProcess",
        "logger": "test",
        "message": "Sync ended.",
    }


def test_json_leaves_out_what_libraries_add() -> None:
    huge = {"temporal_workflow": {"a": "x" * 1_000_000}}
    assert "temporal_workflow" not in format_json("It ends.", context=huge)


def test_json_has_the_same_bounds_as_text() -> None:
    error = ValueError("\n".join(["long", *"x" * 1_000_000]))
    parsed = format_json("%s", FORGED + "x" * 1_000_000, error=error)
    assert parsed["message"].startswith("dc1\\n2026-11-29 05:00:00,000 INFO")
    assert len(parsed["message"]) == MAX_LINE_CHARS + len("...")
    assert len(parsed["traceback"].splitlines()) == MAX_TRACEBACK_LINES + 1
    assert all(line.startswith(INDENT) for line in parsed["traceback"].splitlines())


def test_worker_logs_such_lines() -> None:
    code = (
        "import logging, worker;"
        " worker.app = lambda **_: logging.getLogger('urllib3').warning('a\\nb %s', 'c\\x1b');"
        " worker.main()"
    )
    worker = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert worker.stderr.endswith(" WARNING activities urllib3: a\\nb c\\x1b\n")
    assert worker.stderr.count("\n") == 1
