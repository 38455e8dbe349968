"""Sentences on names and values that somebody else chose: on one line, and short."""

from collections.abc import Collection
from itertools import islice

from fabrics.texts import replace_unprintable


def shorten(text: str, max_chars: int) -> str:
    """Return at most `max_chars` characters of a text, all printable."""
    line = text if len(text) <= max_chars else text[: max_chars - 1] + "…"
    return replace_unprintable(line)


def join_names(names: Collection[str], max_names: int, max_chars: int) -> str:
    """Join the first names with commas, and say how many more there are."""
    shown = ", ".join(shorten(name, max_chars) for name in islice(names, max_names))
    more = len(names) - max_names
    return f"{shown} and {more} more" if more > 0 else shown
