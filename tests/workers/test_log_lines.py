"""Log lines with words of others: bounded, and nobody can forge one."""

import logging
import subprocess
import sys
import time

import pytest

from tests.support.paths import PROJECT
from workers.log_lines import (
    FORMAT,
    INDENT,
    MAX_LINE_CHARS,
    MAX_TRACEBACK_LINES,
    LineFormatter,
)

FORGED = (
    "dc1\n2026-11-29 05:00:00,000 INFO activities fabric_sync.worker: Stopping\x1b[2K\u202e\udcff"
)


def make_record(
    message: str, *arguments: object, error: Exception | None = None
) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("test", logging.INFO, "", 0, message, arguments, exc_info)


def format_record(message: str, *arguments: object, error: Exception | None = None) -> str:
    """Return the lines of a message about `arguments`, maybe with an error."""
    record = make_record(message, *arguments, error=error)
    return LineFormatter("%(levelname)s %(message)s").format(record)


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
