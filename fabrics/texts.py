"""Texts that somebody else wrote."""

from typing import Final
from unicodedata import category

JOINERS: Final = "\u200c\u200d"
"""They tell how letters and emoji join, as names in Persian and in Indian languages need. No terminal acts on them."""

MAX_SUMMARY_BYTES: Final = 140
"""Of a summary in Temporal. Its payload may have 400 bytes (`limit.userMetadataSummarySize`): escapes may double the
text, and encryption adds a hundred."""


def replace_unprintable(text: str, replacement: str = "?") -> str:
    """Return a text whose unprintable characters, such as line breaks, are replaced.

    Spaces of all kinds, such as no-break spaces, become ordinary ones.
    """
    if text.isprintable():
        return text
    return "".join(_replace(char, replacement) for char in text)


def _replace(char: str, replacement: str) -> str:
    if char.isprintable() or char in JOINERS:
        return char
    return " " if category(char) == "Zs" else replacement


def cut_summary(text: str) -> str:
    """Return what fits into a summary of a workflow or of an activity in Temporal."""
    return text.encode(errors="replace")[:MAX_SUMMARY_BYTES].decode(errors="ignore")
