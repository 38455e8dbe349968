"""When a fabric's agents are read, and what the loop remembers of them.

Agents are read at every health interval: with a sync, or between two syncs that are farther apart. For a while after a
change and while a change is being applied they are read more often, so that people soon see whether the switches
follow. An agent that never reports would keep a fabric progressing for ever, so that ends.
"""

from datetime import datetime, timedelta
from typing import Final, Self

from pydantic import BaseModel

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health
from fabrics.agents.state import AgentsState
from fabrics.loop.schedule import MAX_JITTER
from fabrics.record.sync_status import Observation

APPLYING_INTERVAL: Final = timedelta(seconds=60)
"""The time between two readings after a change; agents report every 15 seconds, and most changes take less."""

MIN_GAP: Final = timedelta(seconds=30)
"""The shortest time between the end of a sync and a reading without one: a sync may take long."""

UNREAD_HEALTH: Final = (
    "The Kubernetes API could not be read, so the state of the agents is not known."
)
"""The message on health while the API that has the agents cannot be read."""

OUTDATED_HEALTH: Final = (
    "The agents have not been read for a while. The log of the worker says why."
)
"""The message on health if only readings of agents fail."""


class HealthRequest(BaseModel, frozen=True):
    """What a reading needs to know to judge a fabric's health.

    A sync reads agents if that `is_due`, or if the live state no longer has this digest.
    """

    agents: AgentsState
    live_digest: str
    is_due: bool


class HealthWatch(BaseModel, frozen=True):
    """What is known of the agents, and since when.

    They were read at `read_at`; None if not since the API failed. Without a sync they are read again at `not_before` at
    the earliest. `changed_at` is when the live state last changed, or agents were first seen to apply a change.
    """

    agents: AgentsState = AgentsState()
    health: Health = Health.UNKNOWN
    live_digest: str = ""
    read_at: datetime | None = None
    not_before: datetime | None = None
    changed_at: datetime | None = None

    def request(self, interval: int, until: datetime) -> HealthRequest | None:
        """Return the request for a reading; None if health is not watched.

        It is due if agents have to be read by `until`. `interval` is in seconds; 0 means that nobody wants to know.
        """
        if interval == 0:
            return None
        due = self._find_due(interval)
        is_due = due is None or due <= until + MAX_JITTER
        return HealthRequest(agents=self.agents, live_digest=self.live_digest, is_due=is_due)

    def find_next_reading(self, interval: int) -> datetime | None:
        """Return when agents are due without a sync.

        None if nobody wants to know, or a sync has to find out first whether they can be read.
        """
        due = self._find_due(interval)
        if interval == 0 or due is None or self.health is Health.UNKNOWN:
            return None
        return max(due, self.not_before or due)

    def after_sync(self, observation: Observation, started: datetime, ended: datetime) -> Self:
        """Return the watch after a sync that made `observation`."""
        if observation.kubernetes_error:
            agents = self.agents.forget_heartbeats()
            return self.model_copy(update={"read_at": None, "agents": agents})
        update: dict[str, object] = {"not_before": ended + MIN_GAP}
        if observation.live_digest != self.live_digest:
            update |= {"live_digest": observation.live_digest, "changed_at": started}
        watch = self.model_copy(update=update)
        return watch.after_reading(observation.health, started) if observation.health else watch

    def after_reading(self, assessment: HealthAssessment, started: datetime) -> Self:
        """Return the watch after agents were read at `started`."""
        health = assessment.report.health
        # A pass that ended during the reading may have found other breakouts.
        known = {
            "breakouts": self.agents.breakouts,
            "new_breakouts": self.agents.new_breakouts,
        }
        begins = health is Health.PROGRESSING and self.health is not Health.PROGRESSING
        return self.model_copy(
            update={
                "agents": assessment.agents.model_copy(update=known),
                "health": health,
                "read_at": started,
                "changed_at": started if begins else self.changed_at,
            }
        )

    def after_failure(self, interval: int, now: datetime) -> Self:
        """Return the watch after agents could not be read without a sync.

        That is tried again after `interval` seconds, or at the next sync.
        """
        return self.model_copy(update={"not_before": now + timedelta(seconds=interval)})

    def after_pause(self) -> Self:
        """Return the watch of a fabric whose agents were not read for a while."""
        return self.model_copy(update={"read_at": None, "health": Health.UNKNOWN})

    @property
    def quiet_switches(self) -> tuple[str, ...]:
        """The switches that had the same last heartbeat in two readings."""
        heartbeats = self.agents.switches.heartbeats
        return tuple(name for name, last in heartbeats.items() if last.unchanged_seconds)

    def is_outdated(self, interval: int, now: datetime) -> bool:
        """True if agents were not read for two intervals, in seconds, or not at all."""
        longest = 2 * timedelta(seconds=interval) + MAX_JITTER
        return self.read_at is None or now - self.read_at > longest

    def has_ended_applying(self, later: Self) -> bool:
        """True if agents were applying a change, and no longer are in a later watch."""
        return self.health is Health.PROGRESSING is not later.health

    def with_breakouts(self, mismatches: tuple[BreakoutMismatch, ...]) -> Self:
        """Return the watch after full agents were read with the inventory."""
        return self.model_copy(update={"agents": self.agents.with_breakouts(mismatches)})

    def _find_due(self, interval: int) -> datetime | None:
        """Return when agents are due after their last reading; None if at once.

        This depends on events alone and never on the time, so that timers are the same in a replay.
        """
        if self.read_at is None:
            return None
        longest = timedelta(seconds=interval)
        soon = self.read_at + min(longest, APPLYING_INTERVAL)
        often = 2 * longest if self.health is Health.PROGRESSING else longest
        is_recent = self.changed_at is not None and soon - self.changed_at <= often + MAX_JITTER
        return soon if is_recent else self.read_at + longest
