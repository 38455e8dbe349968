"""What the loop of one fabric has to do, and when.

Whether something is due depends on the state and on the time, which is an argument.
"""

from datetime import datetime, timedelta
from typing import Final

from fabrics.loop.health_watch import HealthRequest
from fabrics.loop.loop_state import LoopState
from fabrics.loop.schedule import MAX_JITTER

MIN_BEFORE_SYNC: Final = timedelta(seconds=30)
"""Agents that are due at most this long before a sync are read with it."""


class DueWork(LoopState):
    """One fabric's state, and the work that is due in it."""

    @property
    def pause_end(self) -> datetime | None:
        """The time at which the pause ends by itself; None without such a pause."""
        config = self.effective_config
        return config.paused_until if config and self.is_needed and config.paused else None

    def is_sync_due(self, now: datetime) -> bool:
        """True if a sync was requested, or a slot has come and the fabric is not paused."""
        if not self.is_needed:
            return False
        if self.sync_request is not None or self.schedule is None or self.effective_config is None:
            return self.sync_request is not None
        return self._is_planned and not self._is_paused and now >= self.schedule.next_sync

    @property
    def next_health_reading(self) -> datetime | None:
        """The time at which agents are read without a sync.

        None if the next sync reads them. While the fabric does not answer, only syncs ask for it.
        """
        if self.next_sync is None or not self.fabric_answered:
            return None
        reading = self.health.find_next_reading(self.settings.health_interval)
        is_early = reading is not None and reading <= self.next_sync - MIN_BEFORE_SYNC
        return reading if is_early else None

    def request_health(self, started: datetime) -> HealthRequest | None:
        """Return what a reading of agents needs to know; None if nobody wants to know.

        A sync reads agents that otherwise would be read before the next sync, so that most syncs suffice.
        """
        until = max(started, self.next_sync - MIN_BEFORE_SYNC) if self.next_sync else started
        return self.health.request(self.settings.health_interval, until)

    def is_health_reading_due(self, now: datetime) -> bool:
        """True if agents should be read now, without a sync."""
        reading = self.next_health_reading
        return reading is not None and now >= reading

    def is_work_due(self, now: datetime) -> bool:
        """True if there is something to do now, at least to end, besides reading agents."""
        is_due = self.is_sync_due(now) or self.is_record_exchange_due(now)
        return is_due or self.is_pass_unwanted or self.is_finished

    def is_record_exchange_due(self, now: datetime) -> bool:
        """True if the record should be read or written now."""
        retry_at = self.record.retry_at
        return self._has_exchange_pending and (retry_at is None or now >= retry_at)

    def _is_pass_due(self, now: datetime) -> bool:
        settings = self.settings
        if not (self.is_needed and settings.inventory_enabled):
            return False
        max_age = timedelta(seconds=settings.full_sync_interval)
        retry_interval = timedelta(seconds=settings.inventory_retry_interval) - MAX_JITTER
        return self.inventory.is_due(now, max_age, retry_interval)

    def next_wake_time(self) -> datetime | None:
        """Return when the loop has work even without a message; None means never."""
        retry_at = self.record.retry_at if self._has_exchange_pending else None
        times = retry_at, self.next_health_reading, self.next_sync, self.pause_end
        return min(filter(None, times), default=None)
