"""Times of NetBox's answers, for checks of its speed."""

from datetime import timedelta
from typing import Final

import requests

SMALL_ANSWER_BYTES: Final = 50_000
"""Far more than NetBox's pages of a few objects have."""


def time_answers(session: requests.Session) -> list[timedelta]:
    """Return a list that gets the time of each further small answer.

    NetBox needs long for those of more than `SMALL_ANSWER_BYTES`, however fast it is.
    """
    times: list[timedelta] = []

    def add_time(answer: requests.Response, **_: object) -> None:
        if len(answer.content) <= SMALL_ANSWER_BYTES:
            times.append(answer.elapsed)

    session.hooks["response"].append(add_time)
    return times
