"""The last heartbeat of a single agent, exact to the second.

A Table prints only how old it is, and the older it is, the coarser. So agents whose printed age does not show that
they are alive are read one by one, and of these objects only the fields in use are decoded.
"""

from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from fabrics.resources.api_json import PARTIAL_LIMITS, ApiDecoder


class Heartbeat(NamedTuple):
    """A heartbeat; all times are by the clock of the switch, which may be wrong.

    `sent_at` is in seconds since the epoch. `attempt_age` is how many seconds before it the attempt at the current
    generation began, less than 0 if that began later; None without such an attempt.
    """

    sent_at: int
    attempt_age: int | None = None


type _Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Metadata(msgspec.Struct):
    generation: int


class _Status(msgspec.Struct, rename="camel"):
    last_heartbeat: _Time | None = None
    last_attempt_time: _Time | None = None
    last_attempt_gen: int | None = None


class _Agent(msgspec.Struct):
    metadata: _Metadata
    status: _Status = msgspec.field(default_factory=_Status)


_DECODER = ApiDecoder(_Agent, "an agent with a status that is known", PARTIAL_LIMITS)


def parse_heartbeat(body: bytes) -> Heartbeat | None:
    """Return the last heartbeat of an agent; None if it has sent none.

    Raises `ValueError`, without any of its content, for anything else, and `TooLargeError`.
    """
    agent = _DECODER.decode(body)
    heartbeat, attempt = agent.status.last_heartbeat, agent.status.last_attempt_time
    if heartbeat is None:
        return None
    is_current = agent.status.last_attempt_gen == agent.metadata.generation
    age = int((heartbeat - attempt).total_seconds()) if attempt and is_current else None
    return Heartbeat(int(heartbeat.timestamp()), age)
