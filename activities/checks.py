"""The checks of `starter.py doctor`: each tries one thing that syncs depend on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from activities.errors import PermanentError, TransientError, one_line

MAX_LISTED: Final = 3
MAX_SENTENCE_CHARS: Final = 1000


@dataclass(frozen=True)
class Check:
    """The result of one check; the sentence of a failed one says what to do."""

    name: str
    ok: bool
    sentence: str


def run_check(name: str, action: Callable[[], str]) -> Check:
    """Return a check with the sentence that `action` returns or fails with."""
    try:
        ok, sentence = True, action()
    except (PermanentError, TransientError) as error:
        ok, sentence = False, str(error)
    return Check(name, ok, one_line(sentence, MAX_SENTENCE_CHARS))


def join_abbreviated(texts: Sequence[str]) -> str:
    """Join the first `MAX_LISTED` texts with commas, and say how many more there are."""
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return ", ".join(texts[:MAX_LISTED]) + more
