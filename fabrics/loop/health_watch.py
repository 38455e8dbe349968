"""When a fabric's agents are read, and what the loop remembers of them.

Agents are read at every health interval. For one interval after a change, and while a change is being applied, every
sync reads them, so that people soon see whether the switches follow.
"""

from datetime import datetime, timedelta
from typing import Final, Self

from pydantic import BaseModel

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health_report import Health
from fabrics.agents.state import FRESH_SECONDS, AgentsState
from fabrics.loop.schedule import MAX_JITTER
from fabrics.record.sync_status import Observation

MIN_READ_INTERVAL: Final = timedelta(seconds=30)
"""The shortest time between two readings; agents report every 15 seconds."""


OUTDATED_HEALTH: Final = "The agents could not be read for a while; the log of the worker says why."
"""The message on health if readings keep failing."""


class HealthRequest(BaseModel, frozen=True):
    """What a sync needs to know to judge a fabric's health.

    Agents are read if that `is_due`, or if the live state no longer has this digest.
    """

    agents: AgentsState
    live_digest: str
    is_due: bool


class HealthWatch(BaseModel, frozen=True):
    """The agents as read at `read_at`.

    `changed_at` is when the live state last changed.
    """

    agents: AgentsState = AgentsState()
    health: Health = Health.UNKNOWN
    live_digest: str = ""
    read_at: datetime | None = None
    changed_at: datetime | None = None

    def request(self, interval: int, now: datetime) -> HealthRequest | None:
        """Return the request for a sync that begins now; None if health is not watched.

        `interval` is in seconds; 0 means that nobody wants to know.
        """
        if interval == 0:
            return None
        is_due = self._is_due(timedelta(seconds=interval), now)
        return HealthRequest(agents=self.agents, live_digest=self.live_digest, is_due=is_due)

    def after_sync(self, observation: Observation, started: datetime) -> Self:
        """Return the watch after a sync begun at `started` that made `observation`."""
        if observation.kubernetes_error:
            return self.model_copy(update={"read_at": None})
        update: dict[str, object] = {}
        if observation.live_digest != self.live_digest:
            update |= {"live_digest": observation.live_digest, "changed_at": started}
        if observation.health is not None and observation.agents is not None:
            # A pass that ended during the sync may have found other breakouts.
            agents = observation.agents.with_breakouts(self.agents.breakouts)
            update |= {
                "agents": agents,
                "health": observation.health.health,
                "read_at": started,
            }
        return self.model_copy(update=update)

    @property
    def quiet_switches(self) -> tuple[str, ...]:
        """The switches that had the same last heartbeat in two readings."""
        read_at = self.read_at.timestamp() if self.read_at else 0
        return tuple(
            name
            for name, memory in self.agents.switches.items()
            if memory.heartbeat_read and read_at - memory.heartbeat_read >= FRESH_SECONDS
        )

    def is_outdated(self, interval: int, now: datetime) -> bool:
        """True if agents were read once, but not for two intervals, in seconds."""
        longest = 2 * timedelta(seconds=interval) + MAX_JITTER
        return self.read_at is not None and now - self.read_at > longest

    def with_breakouts(self, mismatches: tuple[BreakoutMismatch, ...]) -> Self:
        """Return the watch after full agents were read with the inventory."""
        return self.model_copy(update={"agents": self.agents.with_breakouts(mismatches)})

    def _is_due(self, interval: timedelta, now: datetime) -> bool:
        if self.read_at is None:
            return True
        has_changed = self.changed_at is not None and now - self.changed_at <= interval
        is_applying = has_changed or self.health is Health.PROGRESSING
        wait = min(interval, MIN_READ_INTERVAL) if is_applying else interval
        return now - self.read_at >= wait - MAX_JITTER
