"""What the loop of a fabric remembers of its agents between two readings.

Two things cannot be seen in a single reading: how long an agent has been behind, and whether its heartbeat still
advances. Only agents that are behind, or whose printed heartbeat does not show that they are alive, are remembered.

A heartbeat is dated by the clock of the switch, which may be wrong. So that time is only compared with the one in an
earlier reading, and how long it has been the same is measured by our clock.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple, Self

from pydantic import BaseModel
from pydantic_core import to_json

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.heartbeat import Heartbeat
from fabrics.agents.table import AgentReading

MAX_MEMORY_BYTES: Final = 7_000
"""For all memories, as JSON: some 90 agents that are all behind and unheard. A healthy fabric has next to none."""

MAX_MISMATCHES: Final = 10
MAX_HEARTBEATS_READ: Final = 50
"""Agents of one kind that are read one by one at a time, each some hundred kilobytes."""

SILENT_AFTER_SECONDS: Final = 3 * 60
MAX_ATTEMPT_SECONDS: Final = 15 * 60
"""An attempt to apply a change may take this long, and the agent sends no heartbeat meanwhile."""


type Readings = Mapping[str, AgentReading]
"""The agents of a fabric's devices of one kind, by name."""


class BehindAgent(NamedTuple):
    """An agent that has not applied what the API holds.

    `since` is our first reading in which it was behind, in seconds since the epoch; `applied` is the highest
    generation that it has applied since.
    """

    since: int
    applied: int


class LastHeartbeat(NamedTuple):
    """The last heartbeat of an agent that was read by itself.

    `sent_at` is by the clock of the switch, `first_read` is our first reading of it; both are in seconds since the
    epoch. `unchanged_seconds` later we read the same one, and no attempt explained that.
    """

    sent_at: int
    first_read: int
    unchanged_seconds: int = 0

    @property
    def last_read(self) -> int:
        """When it was read last, in seconds since the epoch."""
        return self.first_read + self.unchanged_seconds

    @property
    def is_silence(self) -> bool:
        """True if the agent should have sent others meanwhile."""
        return self.unchanged_seconds >= SILENT_AFTER_SECONDS

    def read_again(self, heartbeat: Heartbeat, read_at: int) -> "LastHeartbeat":
        """Return the last heartbeat after another reading.

        It was sent when it was first read or sooner, so an attempt is at least as old as this says.
        """
        if heartbeat.sent_at != self.sent_at:
            return LastHeartbeat(heartbeat.sent_at, read_at)
        elapsed, age = read_at - self.first_read, heartbeat.attempt_age
        is_attempting = age is not None and age + elapsed < MAX_ATTEMPT_SECONDS
        return self._replace(unchanged_seconds=0 if is_attempting else elapsed)


class AgentMemory(BaseModel, frozen=True):
    """What is remembered of the agents of one kind, by name.

    If it `is_full`, there were more heartbeats than it may hold, and nobody can tell whether the others are silent.
    """

    behind: dict[str, BehindAgent] = {}
    heartbeats: dict[str, LastHeartbeat] = {}
    is_full: bool = False

    def choose_unclear(self, readings: Readings) -> list[str]:
        """Return the agents that have to be read one by one, the longest unread first."""
        unclear = [
            name
            for name, reading in sorted(readings.items())
            if reading.has_reported and (not reading.is_heard or name in self.heartbeats)
        ]
        return sorted(unclear, key=self._get_last_read)[:MAX_HEARTBEATS_READ]

    def after_reading(
        self,
        readings: Readings,
        heartbeats: Mapping[str, Heartbeat | None],
        unreadable: Collection[str],
        read_at: int,
    ) -> "AgentMemory":
        """Return the memory after a reading of all agents, and of single ones.

        It keeps what it knew of agents that were `unreadable`.
        """
        behind = {name: known for name, known in self.behind.items() if name in unreadable}
        for name, reading in readings.items():
            if reading.is_behind and reading.has_reported:
                behind[name] = self._find_behind(reading, read_at)
        found = readings.keys() | set(unreadable)
        last = {name: known for name, known in self.heartbeats.items() if name in found}
        for name, heartbeat in heartbeats.items():
            last.pop(name, None)
            if heartbeat and self._must_be_remembered(readings[name], heartbeat):
                last[name] = self._find_last_heartbeat(name, heartbeat, read_at)
        return AgentMemory(behind=behind, heartbeats=last)

    def limit(self, max_bytes: int) -> "AgentMemory":
        """Return the oldest of all this, as much as fits."""
        behind = _limit(self.behind, lambda known: known.since, max_bytes)
        left = max_bytes - _measure(behind)
        heartbeats = _limit(self.heartbeats, lambda known: known.first_read, left)
        is_full = len(heartbeats) < len(self.heartbeats)
        return AgentMemory(behind=behind, heartbeats=heartbeats, is_full=is_full)

    def _get_last_read(self, name: str) -> int:
        return self.heartbeats[name].last_read if name in self.heartbeats else 0

    def _find_behind(self, reading: AgentReading, read_at: int) -> BehindAgent:
        applied, known = reading.applied_generation or 0, self.behind.get(reading.name)
        if known is None or applied > known.applied or reading.generation <= known.applied:
            return BehindAgent(read_at, applied)  # it advanced, or somebody has made it anew
        return known

    def _must_be_remembered(self, reading: AgentReading, heartbeat: Heartbeat) -> bool:
        known = self.heartbeats.get(reading.name)
        return not reading.is_heard or (known is not None and known.sent_at == heartbeat.sent_at)

    def _find_last_heartbeat(self, name: str, heartbeat: Heartbeat, read_at: int) -> LastHeartbeat:
        first = LastHeartbeat(heartbeat.sent_at, read_at)
        return self.heartbeats.get(name, first).read_again(heartbeat, read_at)


class AgentsState(BaseModel, frozen=True):
    """What the loop remembers of the agents of its fabric.

    `breakouts` are the first mismatches that two readings of full agents found, `new_breakouts` those that only the
    last one found: a breakout that is being changed differs for a short time.
    """

    switches: AgentMemory = AgentMemory()
    gateways: AgentMemory = AgentMemory()
    breakouts: tuple[BreakoutMismatch, ...] = ()
    new_breakouts: tuple[BreakoutMismatch, ...] = ()

    def with_memories(self, switches: AgentMemory, gateways: AgentMemory) -> Self:
        """Return the state after a reading, with as much as the loop may remember."""
        kept = gateways.limit(MAX_MEMORY_BYTES)
        left = MAX_MEMORY_BYTES - _measure(kept.behind) - _measure(kept.heartbeats)
        return self.model_copy(update={"gateways": kept, "switches": switches.limit(left)})

    def forget_heartbeats(self) -> Self:
        """Return the state after the API failed.

        No agent could send it a heartbeat then.
        """
        switches, gateways = (
            memory.model_copy(update={"heartbeats": {}})
            for memory in (self.switches, self.gateways)
        )
        return self.model_copy(update={"switches": switches, "gateways": gateways})

    def with_breakouts(self, mismatches: Sequence[BreakoutMismatch]) -> Self:
        """Return the state after a reading of full agents."""
        found, known = mismatches[:MAX_MISMATCHES], {*self.breakouts, *self.new_breakouts}
        update = {
            "breakouts": tuple(mismatch for mismatch in found if mismatch in known),
            "new_breakouts": tuple(mismatch for mismatch in found if mismatch not in known),
        }
        return self.model_copy(update=update)


def to_datetime(seconds: int) -> datetime:
    """Return the time of a number of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC)


def _limit[M](
    memories: Mapping[str, M], get_time: Callable[[M], int], max_bytes: int
) -> dict[str, M]:
    """Return the oldest memories, as many as fit."""
    kept: dict[str, M] = {}
    free = max_bytes
    for name, memory in sorted(memories.items(), key=lambda item: (get_time(item[1]), item[0])):
        free -= _measure({name: memory})
        if free < 0:
            break
        kept[name] = memory
    return kept


def _measure(memories: Mapping[str, object]) -> int:
    """Return an upper bound of the size as JSON, in bytes."""
    return sum(len(to_json({name: memory})) for name, memory in memories.items())
