"""Log lines that nobody else can forge or make endless.

Many messages have words of others in them: names in NetBox, answers of servers, output of Git.
"""

import logging
import time
from typing import Final, override

FORMAT: Final = "%(asctime)s %(levelname)s %(processName)s %(name)s: %(message)s"

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
        return escape_line(super().formatMessage(record))

    @override
    def formatException(self, ei: "logging._SysExcInfoType") -> str:
        return _indent(super().formatException(ei))

    @override
    def formatStack(self, stack_info: str) -> str:
        return _indent(super().formatStack(stack_info))


def configure_logging() -> None:
    """Write the messages of all loggers to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(FORMAT))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def escape_line(text: str) -> str:
    r"""Return at most `MAX_LINE_CHARS` characters, unprintable ones as in `\x1b`."""
    characters = (
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text[:MAX_LINE_CHARS]
    )
    line = "".join(characters)
    is_cut = max(len(text), len(line)) > MAX_LINE_CHARS
    return f"{line[:MAX_LINE_CHARS]}..." if is_cut else line


def _indent(text: str) -> str:
    """Indent the first and the last lines, which say where and why it failed."""
    lines, half = text.splitlines(), MAX_TRACEBACK_LINES // 2
    if len(lines) > MAX_TRACEBACK_LINES:
        lines = [*lines[:half], f"({len(lines) - 2 * half:,} more lines)", *lines[-half:]]
    return "\n".join(INDENT + escape_line(line) for line in lines)
