"""A webhook and event rules that notify the worker of changed records at once.

Only changes of the configuration fire it. If writes of syncs did, each sync would make the worker read
all records again.
"""

from typing import Any, Final

from pydantic import SecretStr

from activities.netbox.client import CLUSTER_TYPE_SLUG
from activities.setup.fields import CONFIG_FIELD_NAMES
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item, Reference

WEBHOOKS: Final = "extras/webhooks"
EVENT_RULES: Final = "extras/event-rules"
WEBHOOK_NAME: Final = "Fabric Sync"
RECEIVER_PATH: Final = "/netbox"
"""The path below the receiver's URL that takes NetBox's requests."""

type Condition = dict[str, Any]
"""https://netboxlabs.com/docs/netbox/reference/conditions/"""


def _attribute_changed(attribute: str) -> Condition:
    return {"attr": attribute, "op": "changed"}


def _custom_field_changed(name: str) -> Condition:
    """Return a condition that also works for a field that nobody has ever filled in.

    A record has no value for such a field, not even an empty one. NetBox takes a condition that asks if it
    has changed for an error, and the whole condition for false.
    """
    has_value = {"attr": "snapshots.postchange.custom_fields", "op": "contains", "value": name}
    return {"and": [has_value, _attribute_changed(f"custom_fields.{name}")]}


_IS_FABRIC: Final[Condition] = {"attr": "type.slug", "value": CLUSTER_TYPE_SLUG}
_CONFIG_CHANGED: Final[list[Condition]] = [
    *map(_attribute_changed, ("name", "status", "scope_type", "scope_id")),
    *map(_custom_field_changed, CONFIG_FIELD_NAMES),
]
_IS_CONFIG_EDITED: Final[Condition] = {
    "or": [
        _attribute_changed("type"),  # also from ours to another, which ends the loop
        {"and": [_IS_FABRIC, {"or": _CONFIG_CHANGED}]},
    ]
}


def webhook_items(receiver_url: str, secret: SecretStr) -> list[Item]:
    """Return the items that make NetBox send signed events to the receiver's URL."""
    return [
        Item(
            WEBHOOKS,
            {"name": WEBHOOK_NAME},
            needed={
                "payload_url": receiver_url.rstrip("/") + RECEIVER_PATH,
                "http_method": "POST",
                "http_content_type": "application/json",
                "secret": secret.get_secret_value(),
            },
            defaults={"description": "Notifies the worker that a fabric's record has changed."},
        ),
        _event_rule("fabrics added or deleted", ["object_created", "object_deleted"], _IS_FABRIC),
        _event_rule("fabrics edited", ["object_updated"], _IS_CONFIG_EDITED),
    ]


def _event_rule(name: str, event_types: list[str], conditions: Condition) -> Item:
    return Item(
        EVENT_RULES,
        {"name": f"{WEBHOOK_NAME}: {name}"},
        needed={
            "object_types": [CLUSTER_OBJECT_TYPE],
            "event_types": event_types,
            "conditions": conditions,
            "action_type": "webhook",
            "action_object_type": "extras.webhook",
            "action_object_id": Reference(WEBHOOKS, {"name": WEBHOOK_NAME}),
        },
        defaults={"enabled": True},
    )
