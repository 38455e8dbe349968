"""The user that workers and the command line are: it may do what they need and nothing else.

NetBox itself holds it to that, so a mistake here cannot reach clusters that are no fabrics.
"""

import secrets
from collections.abc import Iterable
from typing import Final

from activities.netbox import CLUSTER_TYPE, NetBox
from activities.setup.items import CLUSTER, Item, Reference

NAME: Final = "fabric-sync"
TOKENS: Final = "users/tokens"
TOKEN_DESCRIPTION: Final = "Fabric Sync: worker and command line"  # noqa: S105  no secret

GROUP: Final = Item(
    "users/groups",
    {"name": NAME},
    defaults={"description": "May keep Hedgehog fabrics in sync."},
)
USER: Final = Item(
    "users/users",
    {"username": NAME},
    needed={"groups": [Reference(GROUP.path, GROUP.key)], "is_active": True},
    secrets={"password": secrets.token_urlsafe(32)},
)


def _permission(
    name: str,
    actions: Iterable[str],
    object_types: Iterable[str],
    constraints: dict[str, str] | None = None,
) -> Item:
    return Item(
        "users/permissions",
        {"name": f"Fabric Sync: {name}"},
        needed={
            "object_types": list(object_types),
            "actions": list(actions),
            "groups": [Reference(GROUP.path, GROUP.key)],
        },
        defaults={"constraints": constraints, "enabled": True},
    )


ACCESS_ITEMS: Final = (
    GROUP,
    USER,
    _permission("records", ["view", "add", "change"], [CLUSTER], {"type__slug": CLUSTER_TYPE}),
    _permission(
        "journals of records",
        ["view", "add"],
        ["extras.journalentry"],
        {
            "assigned_object_type__app_label": "virtualization",
            "assigned_object_type__model": "cluster",
        },
    ),
    _permission(
        "look-ups",
        ["view"],
        [
            "dcim.site",
            "extras.customfield",
            "extras.customfieldchoiceset",
            "extras.tag",
            "virtualization.clustertype",
        ],
    ),
)


def issue_token(netbox: NetBox) -> str | None:
    """A token for the user, for once in plain text; None where it has one already."""
    user = next(row for row in netbox.rows(USER.path, **USER.key) if USER.is_row(row))
    for token in netbox.rows(TOKENS, user_id=user["id"]):
        if token["user"]["id"] == user["id"] and token["description"] == TOKEN_DESCRIPTION:
            return None
    wanted = {"user": user["id"], "version": 2, "description": TOKEN_DESCRIPTION}
    token = netbox.create(TOKENS, wanted)
    return f"nbt_{token['key']}.{token['token']}"
