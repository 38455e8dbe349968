"""What the loop of a fabric remembers of its agents between two readings.

Two things cannot be seen in a single reading: how long an agent has been behind, and whether its heartbeat still
advances. Only agents that are behind or whose last heartbeat is older than a minute are remembered.

A heartbeat is dated by the clock of the switch, which may be wrong, and printed as an age, which may be coarse. What
is sound in spite of that: while the clock of the switch does not jump, the age of a heartbeat grows only as long as
no other arrives. So if the least possible age now exceeds the greatest possible age in an earlier reading by three
minutes, no heartbeat came for three minutes. Old ages are coarse: a heartbeat dated more than 10 minutes, 8 hours
or 8 days ago is silent one minute, one hour or one day later. A jump of the clock changes the time at which the
heartbeat was sent, so both readings must agree on it. They agree by mistake only if a clock that is slow by more
than a minute is set back by just the time between two readings, and then until the next reading.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self

from pydantic import BaseModel

from fabrics.agents.ages import MINUTE, Age
from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.table import AgentReading

MAX_REMEMBERED: Final = 1000
"""Agents of one kind, each some 45 bytes as JSON."""

MAX_MISMATCHES: Final = 50
SILENT_AFTER_SECONDS: Final = 3 * MINUTE
MAX_ATTEMPT_SECONDS: Final = 15 * MINUTE
"""An attempt to apply a change may take this long, and the agent sends no heartbeat meanwhile."""

FRESH_SECONDS: Final = MINUTE
"""Agents send a heartbeat every 15 seconds. One that is at most this old needs no second reading."""

READING_SECONDS: Final = 30
"""The time of a reading may be this far from the time at which the API printed the ages."""


class AgentMemory(NamedTuple):
    """What is remembered of one agent.

    Times are our own, in whole seconds since the epoch. `behind_since` is the first reading in which the agent was
    behind; `applied` is the highest generation that it has applied since. `heartbeat_read` is the first reading of its
    last heartbeat, `heartbeat_age` the age in seconds that the API printed then.
    """

    behind_since: int | None = None
    applied: int = 0
    heartbeat_read: int | None = None
    heartbeat_age: int = 0

    @property
    def is_needed(self) -> bool:
        """True if there is anything to remember."""
        return self != AgentMemory()

    def add(self, reading: AgentReading, read_at: int) -> "AgentMemory":
        """Return what to remember after another reading."""
        return self._add_generations(reading, read_at)._add_heartbeat(reading, read_at)

    def is_silent(self, reading: AgentReading, read_at: int) -> bool:
        """True if no heartbeat has come for three minutes, and no attempt explains that."""
        if self.heartbeat_read is None or reading.heartbeat_age is None:
            return False
        quiet = reading.heartbeat_age.low - self._first_age.high
        apart = read_at - self.heartbeat_read
        return min(quiet, apart) >= SILENT_AFTER_SECONDS and not self._may_be_attempting(reading)

    def _add_generations(self, reading: AgentReading, read_at: int) -> "AgentMemory":
        if not (reading.is_behind and reading.has_reported):
            return self._replace(behind_since=None, applied=0)
        applied = reading.applied_generation or 0
        is_recreated = reading.generation <= self.applied
        if self.behind_since is None or applied > self.applied or is_recreated:
            return self._replace(behind_since=read_at, applied=applied)
        return self

    def _add_heartbeat(self, reading: AgentReading, read_at: int) -> "AgentMemory":
        age = reading.heartbeat_age
        if age is None or age.high <= FRESH_SECONDS:
            return self._replace(heartbeat_read=None, heartbeat_age=0)
        if self.heartbeat_read is None or self._is_other_heartbeat(age, read_at):
            return self._replace(heartbeat_read=read_at, heartbeat_age=age.low)
        return self

    def _is_other_heartbeat(self, age: Age, read_at: int) -> bool:
        """True if this cannot be the remembered heartbeat, whatever the rounding."""
        elapsed = read_at - (self.heartbeat_read or 0)
        grown_least, grown_most = age.low - self._first_age.high, age.high - self._first_age.low
        return not grown_least - READING_SECONDS <= elapsed <= grown_most + READING_SECONDS

    def _may_be_attempting(self, reading: AgentReading) -> bool:
        """True if an attempt at the current generation may be younger than 15 minutes.

        The clock of the switch is behind by at most the age of a heartbeat that has just come.
        """
        age = reading.attempt_age
        if age is None or reading.attempted_generation != reading.generation:
            return False
        return age.low - max(self._first_age.high, 0) < MAX_ATTEMPT_SECONDS

    @property
    def _first_age(self) -> Age:
        return Age.from_seconds(self.heartbeat_age)


_FORGOTTEN: Final = AgentMemory()

type Memories = Mapping[str, AgentMemory]
"""What is remembered of agents, by name."""


class AgentsState(BaseModel, frozen=True):
    """What the loop remembers of the agents of its fabric.

    For 300 switches that are all behind and silent this is 13 KB of JSON; if all are healthy it is empty.
    `breakouts` are the first mismatches that the last reading of full agents found.
    """

    switches: dict[str, AgentMemory] = {}
    gateways: dict[str, AgentMemory] = {}
    breakouts: tuple[BreakoutMismatch, ...] = ()

    def with_breakouts(self, mismatches: Iterable[BreakoutMismatch]) -> Self:
        """Return the state after a reading of full agents."""
        return self.model_copy(update={"breakouts": tuple(mismatches)[:MAX_MISMATCHES]})


def add_readings(
    memories: Memories, readings: Mapping[str, AgentReading], read_at: datetime
) -> dict[str, AgentMemory]:
    """Return what to remember after a reading of all agents of one kind."""
    seconds = int(read_at.timestamp())
    updated = {
        name: memories.get(name, _FORGOTTEN).add(readings[name], seconds) for name in readings
    }
    needed = sorted(name for name, memory in updated.items() if memory.is_needed)
    return {name: updated[name] for name in needed[:MAX_REMEMBERED]}


def to_datetime(seconds: int) -> datetime:
    """Return the time of a number of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)
