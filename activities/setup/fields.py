"""The custom fields of a fabric's record.

None has a NetBox default, which would be written into every cluster, fabric or not. An empty field means
the default that its description names. NetBox validates no field that syncs write: a value that breaks a
rule would make NetBox refuse every change of the record, by syncs and by people.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from activities.netbox.client import Row
from activities.setup.choice_sets import (
    CONNECTION_CHOICE_SET,
    HEALTH_CHOICE_SET,
    KIND_CHOICE_SET,
    SYNC_STATUS_CHOICE_SET,
)
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
    FABRIC_NAME_PATTERN,
    GIT_URL_PATTERN,
    KUBERNETES_URL_PATTERN,
    NAMESPACE_PATTERN,
)

FIELD_GROUP: Final = "Hedgehog sync"
CUSTOM_FIELDS: Final = "extras/custom-fields"

VALIDATION_RULES: Final = (
    "validation_minimum",
    "validation_maximum",
    "validation_regex",
    "validation_schema",
)
"""The attributes of a custom field that restrict its values."""

NO_VALIDATION: Final[Row] = dict.fromkeys(VALIDATION_RULES) | {"validation_regex": ""}


def _config_field(
    name: str,
    type_: str,
    label: str,
    description: str,
    needed: Row | None = None,
    **defaults: object,
) -> Item:
    """Return a field that people fill in."""
    shown = {"label": label, "description": description}
    return _field(name, type_, needed or {}, shown | defaults)


def managed_field(
    name: str, type_: str, label: str, description: str, needed: Row | None = None
) -> Item:
    """Return a field that syncs write: shown unless empty, not in forms or searches."""
    shown = {"label": label, "description": description, "ui_editable": "hidden"}
    return _field(name, type_, NO_VALIDATION | (needed or {}), shown | {"search_weight": 0})


def _hide(item: Item) -> Item:
    """Return a field that only programs read: its text is beside it in another one."""
    hidden = Default("hidden", former_values=("if-set",))
    return replace(item, defaults={**item.defaults, "ui_visible": hidden})


def _field(name: str, type_: str, needed: Row, defaults: Row) -> Item:
    basis = {"type": type_, "object_types": [CLUSTER_OBJECT_TYPE]}
    needed = {**basis, "required": False, "unique": False} | needed
    defaults = {"group_name": FIELD_GROUP, "ui_visible": "if-set", "default": None} | defaults
    return Item(CUSTOM_FIELDS, {"name": name}, needed, defaults)


def _with_weights(items: Iterable[Item], first_weight: int) -> Iterator[Item]:
    """Yield the fields with weights for NetBox's order; steps of 10 leave room."""
    for step, item in enumerate(items):
        yield replace(item, defaults={**item.defaults, "weight": first_weight + 10 * step})


def _anchor(pattern: str) -> str:
    return f"^({pattern})$"


def _reference_to(item: Item) -> Reference:
    return Reference(item.path, item.key)


_CONFIG_ITEMS: Final = (
    _config_field(
        "hh_fabric_id",
        "text",
        "Fabric ID",
        "Identifies the fabric for good. Filled in once, from the name; a later name does not change it.",
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
        "Whether syncs wait until somebody resumes them. Empty: no.",
    ),
    _config_field("hh_pause_reason", "text", "Pause reason", "Why the sync is paused."),
    _config_field("hh_paused_until", "datetime", "Paused until", "When it ends. Empty: by hand."),
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
        f"Namespace of the fabric's objects. Empty: {DEFAULT_NAMESPACE}.",
        validation_regex=_anchor(NAMESPACE_PATTERN),
    ),
    _config_field(
        "hh_fabric_name",
        "text",
        "Fabric name",
        "Name of one of several fabrics that the API holds. Empty: all that it holds.",
        validation_regex=_anchor(FABRIC_NAME_PATTERN),
    ),
    _config_field(
        "hh_credentials",
        "text",
        "Credential",
        "Name of a credential that the worker has, never the secret itself. Empty: the fabric ID.",
        validation_regex=_anchor(CREDENTIAL_NAME_PATTERN),
    ),
    _config_field(
        "hh_site",
        "object",
        "Site",
        "Site of the fabric's devices. Empty: the site of the cluster's scope, else a new one named after"
        " the fabric.",
        {"related_object_type": "dcim.site"},
    ),
    _config_field(
        "hh_git_repository",
        "text",
        "Git repository",
        "URL of the desired state: https://HOST/PATH or git@HOST:PATH, without a password."
        " Empty: only the inventory is kept.",
        validation_regex=_anchor(GIT_URL_PATTERN),
    ),
    _config_field(
        "hh_git_branch", "text", "Git branch", f"Branch that is compared. Empty: {DEFAULT_BRANCH}."
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
        "Kinds whose live objects count as drift if they are not in Git. Empty: the kinds that Git has.",
        {"choice_set": _reference_to(KIND_CHOICE_SET)},
    ),
    _config_field(
        "hh_task_queue",
        "text",
        "Task queue",
        "Task queue of the workers that reach this fabric. Empty: the default queue.",
    ),
)

_STATUS_ITEMS: Final = (
    managed_field(
        "hh_sync_status",
        "select",
        "Sync status",
        "Result of the latest sync.",
        {"choice_set": _reference_to(SYNC_STATUS_CHOICE_SET), "filter_logic": "exact"},
    ),
    managed_field(
        "hh_last_sync",
        "datetime",
        "Last sync",
        "When the latest sync started. While nothing changes, this is updated about every 15 minutes.",
    ),
    managed_field(
        "hh_last_success", "datetime", "Last success", "When the latest successful sync started."
    ),
    managed_field("hh_sync_error", "text", "Sync error", "Why the latest sync failed."),
    managed_field(
        "hh_connection_status",
        "select",
        "Connection",
        "Whether the Kubernetes API answered the latest sync.",
        {"choice_set": _reference_to(CONNECTION_CHOICE_SET)},
    ),
    managed_field(
        "hh_connection_error",
        "text",
        "Connection error",
        "Why the Kubernetes API could not be read.",
    ),
    managed_field(
        "hh_health",
        "select",
        "Health",
        "Whether the switches and gateways have applied what the API holds, and report.",
        {"choice_set": _reference_to(HEALTH_CHOICE_SET), "filter_logic": "exact"},
    ),
    managed_field(
        "hh_health_message", "text", "Health message", "Which devices are not healthy, and why."
    ),
    managed_field(
        "hh_inventory",
        "text",
        "Inventory",
        "What needs attention in the fabric's devices, cables and networks.",
    ),
    managed_field("hh_commit", "text", "Commit", "Git commit that was compared."),
    managed_field(
        "hh_drift_count",
        "integer",
        "Drift",
        "Number of objects that differ from Git.",
        {"filter_logic": "exact"},
    ),
    managed_field(
        "hh_drift_report",
        "longtext",
        "Drifted objects",
        "First objects that differ from Git: in what, since when, and by whom. Then what rules in Git accept.",
    ),
    _hide(
        managed_field("hh_drift", "json", "Drifted objects", "First objects that differ from Git.")
    ),
    managed_field(
        "hh_accepted_count",
        "integer",
        "Accepted",
        "Number of objects with differences that rules in Git accept; they are no drift.",
        {"filter_logic": "exact"},
    ),
    managed_field(
        "hh_accepted",
        "text",
        "Accepted differences",
        "What is to be done about these rules, and the first differences that they accept.",
    ),
    managed_field("hh_objects", "text", "Objects", "Number of live objects of each kind."),
    _hide(managed_field("hh_counts", "json", "Objects", "Number of live objects of each kind.")),
    managed_field(
        "hh_instance",
        "text",
        "Synced by",
        "Installation of Fabric Sync that owns this record: Temporal's namespace and its id.",
    ),
)

CONFIG_FIELD_NAMES: Final = tuple(item.key["name"] for item in _CONFIG_ITEMS)
"""The fields that people edit."""

FIELD_ITEMS: Final = (*_with_weights(_CONFIG_ITEMS, 100), *_with_weights(_STATUS_ITEMS, 500))
