"""Texts that somebody else wrote."""

from typing import Annotated, Final
from unicodedata import category

from pydantic import AfterValidator

JOINERS: Final = "\u200c\u200d"
"""They tell how letters and emoji join, as names in Persian and in Indian languages need. No terminal acts on them."""

MAX_SUMMARY_BYTES: Final = 140
"""Of a summary in Temporal. Its payload may have 400 bytes (`limit.userMetadataSummarySize`): escapes may double the
text, and encryption adds a hundred."""

_MARKDOWN_ESCAPES: Final = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_{}[]#!|"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "~": "&#126;"}
)
"""Markdown's own characters: NetBox knows no backslash before the last four, but any entity."""


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


Line = Annotated[str, AfterValidator(replace_unprintable)]
"""Text that is made printable when it is read, since people may edit the record that holds it."""


def escape_markdown(text: str) -> str:
    """Return a line of Markdown that shows a text as it is, without any markup.

    NetBox and Temporal's Web UI would make links and images of it. An address in it may still become a link, which then
    says where it leads. Escape last: what is cut afterwards may end in half an escape.
    """
    return replace_unprintable(text).translate(_MARKDOWN_ESCAPES)


def cut_summary(text: str) -> str:
    """Return what fits into a summary of a workflow or of an activity in Temporal."""
    return text.encode(errors="replace")[:MAX_SUMMARY_BYTES].decode(errors="ignore")
