"""How NetBox tells the worker at once that a record has changed: a webhook and the events that fire it.

Only what people decide about a fabric fires it. What syncs write does not, or each sync would have all
records read once more.
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
"""Where below its URL the receiver takes what NetBox sends."""

type Condition = dict[str, Any]
"""https://netboxlabs.com/docs/netbox/reference/conditions/"""


def _attribute_changed(attribute: str) -> Condition:
    return {"attr": attribute, "op": "changed"}


def _custom_field_changed(name: str) -> Condition:
    """A record has no value at all, not even an empty one, for a field that nobody has ever filled in.

    To ask whether that has changed is an error to NetBox, which then takes the whole condition for false.
    """
    is_there = {"attr": "snapshots.postchange.custom_fields", "op": "contains", "value": name}
    return {"and": [is_there, _attribute_changed(f"custom_fields.{name}")]}


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
    """What makes NetBox sign with `secret` and send to the receiver at this URL (without its path)."""
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
            defaults={"description": "Tells the worker that a fabric's record has changed."},
        ),
        _event_rule("fabrics come and go", ["object_created", "object_deleted"], _IS_FABRIC),
        _event_rule("fabrics are edited", ["object_updated"], _IS_CONFIG_EDITED),
    ]


def _event_rule(what: str, event_types: list[str], conditions: Condition) -> Item:
    return Item(
        EVENT_RULES,
        {"name": f"{WEBHOOK_NAME}: {what}"},
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
