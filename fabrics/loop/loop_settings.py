"""Settings of the worker that its loops need."""

from pydantic import BaseModel


class LoopSettings(BaseModel, frozen=True):
    """The worker's settings that affect a loop; a replay reads them in the history.

    `netbox_heartbeat`, `full_sync_interval`, `inventory_retry_interval`, `health_interval` and `first_sync_spread`
    are in seconds; a health interval of 0 means that health is not watched.
    `has_search_attributes` says whether the Temporal server has ours registered, and `release` identifies the
    worker's code. A loop starts a new run after `max_history_events`; as the history holds that number, a worker with
    another one still replays the runs of before. So it is with `max_signals`, after which it starts one even while it
    waits; older histories know only Temporal's own limit.
    """

    netbox_heartbeat: int = 900
    inventory_enabled: bool = False
    full_sync_interval: int = 3600
    inventory_retry_interval: int = 60
    health_interval: int = 0
    first_sync_spread: int = 30
    has_search_attributes: bool = False
    release: str = ""
    max_history_events: int = 300
    max_signals: int = 10_000

    @property
    def update_limit_events(self) -> int:
        """The events from which on a run takes no updates, so that it can end."""
        return 2 * self.max_history_events
