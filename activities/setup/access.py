"""The user that workers and the command line are: it may do what they need and nothing else.

NetBox itself holds it to that, so a mistake here cannot reach clusters that are no fabrics.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from activities.netbox.client import (
    CLUSTER_TYPE_SLUG,
    CLUSTER_TYPES_PATH,
    CLUSTERS_PATH,
    JOURNAL_PATH,
    NetBox,
)
from activities.setup.fields import CHOICE_SETS, CUSTOM_FIELDS
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item, Reference

ACCOUNT_NAME: Final = "fabric-sync"
TOKENS: Final = "users/tokens"
TOKEN_DESCRIPTION: Final = "Fabric Sync: worker and command line"  # noqa: S105  no secret

GROUP_ITEM: Final = Item(
    "users/groups",
    {"name": ACCOUNT_NAME},
    defaults={"description": "May keep Hedgehog fabrics in sync."},
)
USER_ITEM: Final = Item(
    "users/users",
    {"username": ACCOUNT_NAME},
    needed={"groups": [Reference(GROUP_ITEM.path, GROUP_ITEM.key)], "is_active": True},
    secrets={"password": f"{secrets.token_urlsafe(32)}-Aa1"},  # NetBox asks for one of each
)


@dataclass(frozen=True)
class Grant:
    """What the user may do: `actions` on the models at the paths `models` of the API.

    `constraints` are those of NetBox's permissions: filters that the objects have to pass, or several, of
    which one is enough.
    """

    name: str
    actions: tuple[str, ...]
    models: Mapping[str, str]
    constraints: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None

    @property
    def permission(self) -> Item:
        """The permission that grants it."""
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
# NetBox can tell journals by the model of their objects, but not by the clusters' type.
JOURNALS_GRANT: Final = Grant(
    "journals of records",
    ("view", "add"),
    {JOURNAL_PATH: "extras.journalentry"},
    {
        "assigned_object_type__app_label": "virtualization",
        "assigned_object_type__model": "cluster",
    },
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


def issue_token(netbox: NetBox, owner: Item = USER_ITEM) -> str | None:
    """A token for the user, for once in plain text; None where it has one already."""
    user = next(row for row in netbox.list_rows(owner.path, **owner.key) if owner.matches(row))
    for token in netbox.list_rows(TOKENS, user_id=user["id"]):
        if token["user"]["id"] == user["id"] and token["description"] == TOKEN_DESCRIPTION:
            return None
    wanted = {"user": user["id"], "version": 2, "description": TOKEN_DESCRIPTION}
    token = netbox.create(TOKENS, wanted)
    return f"nbt_{token['key']}.{token['token']}"
