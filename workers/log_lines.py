"""Log lines that nobody else can forge or make endless, as text or as JSON.

Many messages have words of others in them: names in NetBox, answers of servers, output of Git.
"""

import json
import logging
import re
import time
from typing import Any, Final, override

from pythonjsonlogger.json import JsonFormatter

from workers.log_context import ContextFilter, leave_out_temporal_context

FORMAT: Final = "%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s"

FIELDS: Final = (
    "fabric",
    "sync",
    "trigger",
    "result",
    "lateness_seconds",
    "duration_seconds",
    "missed",
    "drift",
    "written",
    "commit",
    "workflow_id",
    "run_id",
)
"""What a line says besides its message, if it is known, in this order."""

JSON_NAMES: Final = {
    "levelname": "level",
    "processName": "process",
    "name": "logger",
    "exc_info": "traceback",
}

MAX_LINE_CHARS: Final = 2_000
MAX_TRACEBACK_LINES: Final = 100

INDENT: Final = "    "
"""Begins each line of a traceback, so that none looks like a message."""


class LineFormatter(logging.Formatter):
    """Writes a message as one line, and a traceback as indented lines below it.

    Times are in UTC.
    """

    converter = staticmethod(time.gmtime)
    default_msec_format = "%s.%03dZ"

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = (f" {name}={_quote(value)}" for name, value in _find_fields(record).items())
        # Each is cut on its own: a long message still says whose it is.
        return escape_line(super().formatMessage(record)) + escape_line("".join(fields))

    @override
    def formatException(self, ei: "logging._SysExcInfoType") -> str:
        return _indent(super().formatException(ei))

    @override
    def formatStack(self, stack_info: str) -> str:
        return _indent(super().formatStack(stack_info))


class JsonLineFormatter(JsonFormatter):
    """Writes a message as one JSON object, with the same bounds."""

    def __init__(self) -> None:
        names = ("levelname", "processName", "name", "message")
        super().__init__(names, rename_fields=JSON_NAMES, timestamp="time")

    @override
    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        known = {"time", "message", "traceback", "stack_info", *JSON_NAMES.values()}
        for name in log_data.keys() - known - set(FIELDS):
            del log_data[name]  # of other libraries, of any size
        log_data["message"] = escape_line(record.message)

    @override
    def formatException(self, ei: "logging._SysExcInfoType") -> str:
        return _indent(logging.Formatter.formatException(self, ei))

    @override
    def formatStack(self, stack_info: str) -> str:
        return _indent(stack_info)


def configure_logging(form: str = "text", level: str = "INFO") -> None:
    """Write the messages of all loggers to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLineFormatter() if form == "json" else LineFormatter(FORMAT))
    handler.addFilter(ContextFilter())
    leave_out_temporal_context()
    logging.basicConfig(level=level, handlers=[handler], force=True)


def escape_line(text: str) -> str:
    r"""Return at most `MAX_LINE_CHARS` characters, unprintable ones as in `\x1b`."""
    characters = (
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[:MAX_LINE_CHARS]
    )
    line = "".join(characters)
    is_cut = max(len(text), len(line)) > MAX_LINE_CHARS
    return f"{line[:MAX_LINE_CHARS]}..." if is_cut else line


def _find_fields(record: logging.LogRecord) -> dict[str, object]:
    known = record.__dict__
    return {name: known[name] for name in FIELDS if known.get(name) not in (None, "")}


def _quote(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[\w./:+-]+", text) else json.dumps(text)


def _indent(text: str) -> str:
    """Indent the first and the last lines, which say where and why it failed."""
    lines, half = text.splitlines(), MAX_TRACEBACK_LINES // 2
    if len(lines) > MAX_TRACEBACK_LINES:
        lines = [*lines[:half], f"({len(lines) - 2 * half:,} more lines)", *lines[-half:]]
    return "\n".join(INDENT + escape_line(line) for line in lines)
