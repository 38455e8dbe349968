"""How an agent behaves over time, without a real switch and without waiting.

The rules are those of Hedgehog's agent at 78827de: one goroutine sends heartbeats and applies, so that an
apply has no heartbeats. An apply that fails ends the agent. When it is started again, it applies the file
that it saved at its last success, and reports that as an attempt.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

HEARTBEAT_INTERVAL: Final = timedelta(seconds=15)
RESTART_DELAY: Final = timedelta(seconds=10)
"""From the end of an agent to its next start, and from there to its next attempt."""


@dataclass(frozen=True)
class AgentBehaviour:
    """How one agent behaves; the default is a healthy one.

    `fails_after` ends each apply of a new generation. `clock_offset` is added to all times that the
    agent reports. One that does not run keeps its last report; one without reports has no status.
    `heartbeat_interval` is None for gateways that send none.
    """

    apply_duration: timedelta = timedelta(seconds=5)
    fails_after: timedelta | None = None
    clock_offset: timedelta = timedelta()
    heartbeat_interval: timedelta | None = HEARTBEAT_INTERVAL
    reboot_required: bool = False
    runs: bool = True
    reports: bool = True


HEALTHY: Final = AgentBehaviour()
CRASH_LOOP: Final = AgentBehaviour(fails_after=timedelta(seconds=20))
SKEWED_CLOCK: Final = AgentBehaviour(clock_offset=timedelta(hours=-7))
SLOW_APPLY: Final = AgentBehaviour(apply_duration=timedelta(minutes=10))
NEVER_REPORTED: Final = AgentBehaviour(reports=False)
REBOOT_REQUIRED: Final = AgentBehaviour(reboot_required=True)
STOPPED: Final = AgentBehaviour(runs=False)


class _Phase(Enum):
    IDLE = auto()
    APPLYING = auto()
    ENDED = auto()
    RESTARTED = auto()


@dataclass(frozen=True)
class Step:
    """An attempt or a success: the generation, and when."""

    generation: int
    time: datetime


class AgentProcess:
    """One agent since `now`, when it had applied `generation`, by true times."""

    def __init__(self, generation: int, now: datetime) -> None:
        self.behaviour = HEALTHY
        self.generation = generation
        self.applied = self.attempt = Step(generation, now)
        self.heartbeat = now
        self.starts = 1
        self._phase = _Phase.IDLE
        self._since = self._until = now

    @property
    def report(self) -> tuple[object, ...]:
        """Everything on which the agent's object depends."""
        return (
            self.generation,
            self.applied,
            self.attempt,
            self.heartbeat,
            self.starts,
            self.behaviour,
        )

    def advance(self, now: datetime) -> None:
        """Do what the agent does until `now`."""
        if not self.behaviour.runs:
            self._since, self._until = max(self._since, now), max(self._until, now)
            return
        self._begin_apply_if_behind()
        while self._phase is not _Phase.IDLE and self._until <= now:
            self._end_phase()
            self._begin_apply_if_behind()
        if self._phase in (_Phase.IDLE, _Phase.RESTARTED):
            self._send_heartbeats(now)

    def update(self, now: datetime) -> None:
        """Raise the generation, as when the controller renders a change."""
        self.advance(now)
        self.generation += 1
        if self._phase is _Phase.IDLE:
            self._since = max(self._since, now)
        self.advance(now)

    def _begin_apply_if_behind(self) -> None:
        if self._phase is _Phase.IDLE and self.generation > self.applied.generation:
            duration = self.behaviour.fails_after or self.behaviour.apply_duration
            self.attempt = Step(self.generation, self._since)
            self._enter(_Phase.APPLYING, duration)

    def _end_phase(self) -> None:
        self._since = self._until
        if self._phase is _Phase.APPLYING and self.behaviour.fails_after:
            self._enter(_Phase.ENDED, RESTART_DELAY)
        elif self._phase is _Phase.APPLYING:
            self.applied = Step(self.attempt.generation, self._since)
            self._become_ready(_Phase.IDLE, timedelta())
        elif self._phase is _Phase.ENDED:
            self.starts += 1
            self.applied = self.attempt = Step(self.applied.generation, self._since)
            self._become_ready(_Phase.RESTARTED, RESTART_DELAY)
        else:
            self._enter(_Phase.IDLE, timedelta())

    def _become_ready(self, phase: _Phase, duration: timedelta) -> None:
        self.heartbeat = self._since
        self._enter(phase, duration)

    def _enter(self, phase: _Phase, duration: timedelta) -> None:
        self._phase = phase
        self._until = self._since + duration

    def _send_heartbeats(self, now: datetime) -> None:
        interval = self.behaviour.heartbeat_interval or HEARTBEAT_INTERVAL
        self.heartbeat += max((now - self.heartbeat) // interval, 0) * interval
