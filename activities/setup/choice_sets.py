"""The choice sets of a fabric's custom fields, with their colours."""

from collections.abc import Iterable
from typing import Final

from activities.setup.items import Item
from fabrics.agents.health_report import Health
from fabrics.record.sync_status import ConnectionStatus, SyncStatus
from fabrics.resources.kinds import COMPARED_KINDS

CHOICE_SETS: Final = "extras/custom-field-choice-sets"

STATUS_COLORS: Final = {
    "not_configured": "gray",
    "disabled": "gray",
    "syncing": "cyan",
    "paused": "yellow",
    "never_synced": "gray",
    "error": "red",
    "out_of_sync": "orange",
    "inventory_only": "blue",
    "in_sync": "green",
    "unknown": "gray",
    "connected": "green",
    "healthy": "green",
    "progressing": "cyan",
    "degraded": "red",
}


def _status_choice_set(name: str, states: Iterable[str]) -> Item:
    choices = {str(state): str(state).replace("_", " ").capitalize() for state in states}
    return Item(
        CHOICE_SETS,
        {"name": name},
        needed={"extra_choices": [[value, label] for value, label in choices.items()]},
        defaults={"choice_colors": {value: STATUS_COLORS[value] for value in choices}},
    )


SYNC_STATUS_CHOICE_SET: Final = _status_choice_set("Hedgehog sync status", SyncStatus)
CONNECTION_CHOICE_SET: Final = _status_choice_set("Hedgehog connection status", ConnectionStatus)
HEALTH_CHOICE_SET: Final = _status_choice_set("Hedgehog health", Health)
KIND_CHOICE_SET: Final = Item(
    CHOICE_SETS,
    {"name": "Hedgehog kinds"},
    needed={"extra_choices": [[kind.name, kind.name] for kind in COMPARED_KINDS]},
)

CHOICE_SET_ITEMS: Final = (
    SYNC_STATUS_CHOICE_SET,
    CONNECTION_CHOICE_SET,
    HEALTH_CHOICE_SET,
    KIND_CHOICE_SET,
)
