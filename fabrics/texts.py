"""Texts that somebody else wrote."""

from typing import Final

MAX_SUMMARY_BYTES: Final = 140
"""Of a summary in Temporal. Its payload may have 400 bytes (`limit.userMetadataSummarySize`): escapes may double the
text, and encryption adds a hundred."""


def replace_unprintable(text: str, replacement: str = "?") -> str:
    """Return a text whose unprintable characters, such as line breaks, are replaced."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else replacement for char in text)


def cut_summary(text: str) -> str:
    """Return what fits into a summary of a workflow or of an activity in Temporal."""
    return text.encode(errors="replace")[:MAX_SUMMARY_BYTES].decode(errors="ignore")
