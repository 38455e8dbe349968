"""One thing that syncs depend on, looked at: a line of `starter.py doctor`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """What was looked at, and how it is. The sentence of a failed one says what to do."""

    name: str
    ok: bool
    sentence: str
