"""The NetBox user of Fabric Sync, with exactly the permissions that it needs.

NetBox enforces them, so a mistake in this project cannot affect clusters that are no fabrics.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from activities.netbox.client import (
    CLUSTER_TYPE_SLUG,
    CLUSTER_TYPES_PATH,
    CLUSTERS_PATH,
    JOURNAL_PATH,
    NetBox,
    Row,
)
from activities.setup.choice_sets import CHOICE_SETS
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item, Reference

ACCOUNT_NAME: Final = "fabric-sync"
TOKENS: Final = "users/tokens"
TOKEN_DESCRIPTION: Final = "Fabric Sync: worker and command line"  # noqa: S105  no secret
TOKEN_PREFIX: Final = "nbt_"  # noqa: S105  no secret

RENEWAL_PERIOD: Final = timedelta(days=14)
"""How long before its end a token is to be renewed."""

GROUP_ITEM: Final = Item(
    "users/groups",
    {"name": ACCOUNT_NAME},
    defaults={"description": "May keep Hedgehog fabrics in sync."},
)
USER_ITEM: Final = Item(
    "users/users",
    {"username": ACCOUNT_NAME},
    needed={"groups": [Reference(GROUP_ITEM.path, GROUP_ITEM.key)], "is_active": True},
    secrets={
        "password": f"{secrets.token_urlsafe(32)}-Aa1"
    },  # NetBox requires each character class
)


@dataclass(frozen=True)
class Grant:
    """A permission: `actions` on the `models`, object types by path in the API.

    `constraints` are those of NetBox: filters that objects must pass, or several alternatives of such.
    """

    name: str
    actions: tuple[str, ...]
    models: Mapping[str, str]
    constraints: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None

    @property
    def permission(self) -> Item:
        """The item of the permission."""
        return Item(
            "users/permissions",
            {"name": f"Fabric Sync: {self.name}"},
            needed={
                "object_types": list(self.models.values()),
                "actions": list(self.actions),
                "groups": [Reference(GROUP_ITEM.path, GROUP_ITEM.key)],
                "enabled": True,
            },
            defaults={"constraints": self.constraints},
        )


RECORDS_GRANT: Final = Grant(
    "records",
    ("view", "add", "change"),
    {CLUSTERS_PATH: CLUSTER_OBJECT_TYPE},
    {"type__slug": CLUSTER_TYPE_SLUG},
)
# NetBox can limit journals by the model of their objects, but not by the type of a cluster.
JOURNALS_GRANT: Final = Grant(
    "journals of records",
    ("view", "add"),
    {JOURNAL_PATH: "extras.journalentry"},
    {"assigned_object_type__app_label": "virtualization", "assigned_object_type__model": "cluster"},
)
LOOKUPS_GRANT: Final = Grant(
    "look-ups",
    ("view",),
    {
        "dcim/locations": "dcim.location",
        CUSTOM_FIELDS: "extras.customfield",
        CHOICE_SETS: "extras.customfieldchoiceset",
        "extras/tags": "extras.tag",
        CLUSTER_TYPES_PATH: "virtualization.clustertype",
    },
)
GRANTS: Final = (RECORDS_GRANT, JOURNALS_GRANT, LOOKUPS_GRANT)

ACCESS_ITEMS: Final = (GROUP_ITEM, USER_ITEM, *(grant.permission for grant in GRANTS))


def issue_token(
    netbox: NetBox, owner: Item = USER_ITEM, lifetime: timedelta | None = None
) -> str | None:
    """Create and return a token for the user; None if the user has one that lasts.

    One that expires soon stays valid until then, so that workers can change to the new one without haste.
    """
    user = next(row for row in netbox.list_rows(owner.path, **owner.key) if owner.matches(row))
    for token in netbox.list_rows(TOKENS, user_id=user["id"]):
        is_ours = token["user"]["id"] == user["id"] and token["description"] == TOKEN_DESCRIPTION
        if is_ours and not expires_soon(token):
            return None
    expires = (datetime.now(UTC) + lifetime).isoformat() if lifetime else None
    values = {"user": user["id"], "version": 2, "description": TOKEN_DESCRIPTION}
    token = netbox.create(TOKENS, values | {"expires": expires})
    return f"{TOKEN_PREFIX}{token['key']}.{token['token']}"


def expires_soon(token: Row) -> bool:
    """True if a token of NetBox is to be renewed now, or has expired."""
    expires = token["expires"]
    renewal = datetime.now(UTC) + RENEWAL_PERIOD
    return expires is not None and datetime.fromisoformat(expires) < renewal
