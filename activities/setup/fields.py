"""The custom fields of a fabric's record, and their choices.

None has a NetBox default: it would be written into every cluster there is, fabric or not. Empty
means the default that a description names. What syncs write is checked by nothing in NetBox: a rule
that a value breaks makes NetBox refuse every change of the record, the sync's as well as people's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from activities.netbox.client import Row
from activities.setup.items import CLUSTER_OBJECT_TYPE, Default, Item, Reference
from fabrics.record.config import (
    DEFAULT_INTERVAL_SECONDS,
    FABRIC_ID_PATTERN,
    MAX_INTERVAL_SECONDS,
    MIN_INTERVAL_SECONDS,
)
from fabrics.record.config_fields import (
    CREDENTIAL_NAME_PATTERN,
    DEFAULT_BRANCH,
    DEFAULT_DIRECTORY,
    DEFAULT_NAMESPACE,
    GIT_URL_PATTERN,
    KUBERNETES_URL_PATTERN,
    NAMESPACE_PATTERN,
)
from fabrics.record.status import ConnectionStatus, SyncStatus
from fabrics.resources.kinds import COMPARED_KINDS

FIELD_GROUP: Final = "Hedgehog sync"
CUSTOM_FIELDS: Final = "extras/custom-fields"
CHOICE_SETS: Final = "extras/custom-field-choice-sets"

VALIDATION_RULES: Final = (
    "validation_minimum",
    "validation_maximum",
    "validation_regex",
    "validation_schema",
)
"""What NetBox holds the values of a field to."""

NO_VALIDATION: Final[Row] = dict.fromkeys(VALIDATION_RULES) | {"validation_regex": ""}

STATUS_COLOURS: Final = {
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
}


def _status_choice_set(name: str, states: Iterable[str]) -> Item:
    values = [str(state) for state in states]
    return Item(
        CHOICE_SETS,
        {"name": name},
        needed={"extra_choices": [[value, _sentence_case(value)] for value in values]},
        defaults={"choice_colors": {value: STATUS_COLOURS[value] for value in values}},
    )


def _sentence_case(value: str) -> str:
    return value.replace("_", " ").capitalize()


SYNC_STATUS_CHOICE_SET: Final = _status_choice_set("Hedgehog sync status", SyncStatus)
CONNECTION_STATUS_CHOICE_SET: Final = _status_choice_set(
    "Hedgehog connection status", ConnectionStatus
)
KIND_CHOICE_SET: Final = Item(
    CHOICE_SETS,
    {"name": "Hedgehog kinds"},
    needed={"extra_choices": [[kind.name, kind.name] for kind in COMPARED_KINDS]},
)


def _config_field(
    name: str,
    type_: str,
    label: str,
    description: str | Default,
    needed: Row | None = None,
    **defaults: object,
) -> Item:
    """A field that people fill in."""
    return _field(
        name, type_, needed or {}, {"label": label, "description": description} | defaults
    )


def _status_field(
    name: str, type_: str, label: str, description: str | Default, needed: Row | None = None
) -> Item:
    """A field that syncs write: shown where it says something, in no form, in no search."""
    shown = {"label": label, "description": description, "ui_editable": "hidden"}
    return _field(name, type_, NO_VALIDATION | (needed or {}), shown | {"search_weight": 0})


def _field(name: str, type_: str, needed: Row, defaults: Row) -> Item:
    basis = {
        "type": type_,
        "object_types": [CLUSTER_OBJECT_TYPE],
        "required": False,
        "unique": False,
    }
    defaults = {"group_name": FIELD_GROUP, "ui_visible": "if-set", "default": None} | defaults
    return Item(CUSTOM_FIELDS, {"name": name}, basis | needed, defaults)


def _with_weights(
    items: Iterable[Item], first_weight: int, former_first_weights: Sequence[int] = ()
) -> Iterator[Item]:
    """The fields as NetBox lists them; those of one kind may become more without moving the others.

    `first` is the weight of the first; `was` has what that was in earlier releases.
    """
    for step, item in enumerate(items):
        weight = Default(
            first_weight + 10 * step, [earlier + 10 * step for earlier in former_first_weights]
        )
        yield replace(item, defaults={**item.defaults, "weight": weight})


def _anchor(pattern: str) -> str:
    return f"^({pattern})$"


def _reference_to(item: Item) -> Reference:
    return Reference(item.path, item.key)


_CONFIG_ITEMS: Final = (
    _config_field(
        "hh_fabric_id",
        "text",
        "Fabric ID",
        Default(
            "Names the fabric's loop for good. Filled in from the name, once; a rename leaves it.",
            [
                "Names the fabric's loop for good. Filled in from the name when the fabric is first enabled."
            ],
        ),
        {"unique": True, "filter_logic": "exact", "validation_regex": FABRIC_ID_PATTERN},
        ui_editable="no",
    ),
    _config_field(
        "hh_sync_enabled", "boolean", "Sync enabled", "Whether the fabric is synced. Empty: no."
    ),
    _config_field(
        "hh_sync_interval",
        "integer",
        "Sync interval",
        f"Seconds from one sync to the next, {MIN_INTERVAL_SECONDS} to {MAX_INTERVAL_SECONDS};"
        f" 0 switches the sync off. Empty: {DEFAULT_INTERVAL_SECONDS}.",
        validation_minimum=0,
        validation_maximum=MAX_INTERVAL_SECONDS,
    ),
    _config_field(
        "hh_paused",
        "boolean",
        "Paused",
        Default(
            "Whether syncs wait until somebody resumes them. Empty: no.",
            ["Whether syncs wait until somebody resumes them."],
        ),
    ),
    _config_field("hh_pause_reason", "text", "Pause reason", "Why the sync is paused."),
    _config_field(
        "hh_kubernetes_server",
        "text",
        "Kubernetes server",
        "URL of the fabric's Kubernetes API: https://HOST:PORT. Without it the fabric is not synced.",
        validation_regex=_anchor(KUBERNETES_URL_PATTERN),
    ),
    _config_field(
        "hh_kubernetes_namespace",
        "text",
        "Kubernetes namespace",
        f"Where the fabric's objects are. Empty: {DEFAULT_NAMESPACE}.",
        validation_regex=_anchor(NAMESPACE_PATTERN),
    ),
    _config_field(
        "hh_credentials",
        "text",
        "Credential",
        "The name of a credential that the worker has, never the secret itself. Empty: the fabric ID.",
        validation_regex=_anchor(CREDENTIAL_NAME_PATTERN),
    ),
    _config_field(
        "hh_site",
        "object",
        "Site",
        Default(
            "The site of the fabric's devices. Empty: that of the cluster's scope, else one of their own,"
            " named after the fabric.",
            ["The site of the fabric's devices. Empty: one of their own, named after the fabric."],
        ),
        {"related_object_type": "dcim.site"},
    ),
    _config_field(
        "hh_git_repository",
        "text",
        "Git repository",
        "Where the desired state is: https://HOST/PATH or git@HOST:PATH, no password."
        " Empty: only the inventory is kept.",
        validation_regex=_anchor(GIT_URL_PATTERN),
    ),
    _config_field(
        "hh_git_branch",
        "text",
        "Git branch",
        Default(
            f"The branch that is compared. Empty: {DEFAULT_BRANCH}.", [f"Empty: {DEFAULT_BRANCH}."]
        ),
    ),
    _config_field(
        "hh_git_directory",
        "text",
        "Git directory",
        f"Path in the repository. Empty: {DEFAULT_DIRECTORY}, all of it.",
    ),
    _config_field(
        "hh_managed_kinds",
        "multiselect",
        "Managed kinds",
        "Kinds of which live objects that are not in Git count as drift. Empty: those that Git has.",
        {"choice_set": _reference_to(KIND_CHOICE_SET)},
    ),
    _config_field(
        "hh_task_queue",
        "text",
        "Task queue",
        "The queue of the workers that reach this fabric. Empty: the default one.",
    ),
)

_STATUS_ITEMS: Final = (
    _status_field(
        "hh_sync_status",
        "select",
        "Sync status",
        "What the latest sync found.",
        {"choice_set": _reference_to(SYNC_STATUS_CHOICE_SET), "filter_logic": "exact"},
    ),
    _status_field(
        "hh_last_sync",
        "datetime",
        "Last sync",
        Default(
            "When a sync last started; while nothing changes, written with the first sync after 15 minutes.",
            ["When a sync last started; written at least every 15 minutes."],
        ),
    ),
    _status_field(
        "hh_last_success", "datetime", "Last success", "When a sync that succeeded last started."
    ),
    _status_field("hh_sync_error", "text", "Sync error", "Why the latest sync failed."),
    _status_field(
        "hh_connection_status",
        "select",
        "Connection",
        "Whether the Kubernetes API answered the latest sync.",
        {"choice_set": _reference_to(CONNECTION_STATUS_CHOICE_SET)},
    ),
    _status_field(
        "hh_connection_error", "text", "Connection error", "Why Kubernetes could not be read."
    ),
    _status_field("hh_commit", "text", "Commit", "The Git commit that was compared."),
    _status_field(
        "hh_drift_count",
        "integer",
        "Drift",
        "How many objects differ from Git.",
        {"filter_logic": "exact"},
    ),
    _status_field(
        "hh_drift", "json", "Drifted objects", "The first of the objects that differ from Git."
    ),
    _status_field("hh_counts", "json", "Objects", "Live objects of each kind."),
    _status_field(
        "hh_instance", "text", "Synced by", "The installation of Fabric Sync that owns this record."
    ),
    _status_field(
        "hh_inventory",
        "text",
        "Inventory",
        "What people should see to in the fabric's devices, cables and networks.",
    ),
)

CONFIG_FIELD_NAMES: Final = tuple(item.key["name"] for item in _CONFIG_ITEMS)
"""What people decide about a fabric."""

CHOICE_SET_ITEMS: Final = (SYNC_STATUS_CHOICE_SET, CONNECTION_STATUS_CHOICE_SET, KIND_CHOICE_SET)
FIELD_ITEMS: Final = (
    *_with_weights(_CONFIG_ITEMS, 100),
    *_with_weights(_STATUS_ITEMS, 500, former_first_weights=[240]),
)
