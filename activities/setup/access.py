"""The user that workers and the command line are: it may do what they need and nothing else.

NetBox itself holds it to that, so a mistake here cannot reach clusters that are no fabrics.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from activities.netbox.client import CLUSTER_TYPE, CLUSTER_TYPES, CLUSTERS, JOURNAL, NetBox
from activities.setup.fields import CHOICE_SETS, FIELDS
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
                "groups": [Reference(GROUP.path, GROUP.key)],
                "enabled": True,
            },
            defaults={"constraints": self.constraints},
        )


RECORDS: Final = Grant(
    "records",
    ("view", "add", "change"),
    {CLUSTERS: CLUSTER},
    {"type__slug": CLUSTER_TYPE},
)
# NetBox can tell journals by the model of their objects, but not by the clusters' type.
JOURNALS: Final = Grant(
    "journals of records",
    ("view", "add"),
    {JOURNAL: "extras.journalentry"},
    {
        "assigned_object_type__app_label": "virtualization",
        "assigned_object_type__model": "cluster",
    },
)
LOOK_UPS: Final = Grant(
    "look-ups",
    ("view",),
    {
        "dcim/locations": "dcim.location",
        FIELDS: "extras.customfield",
        CHOICE_SETS: "extras.customfieldchoiceset",
        "extras/tags": "extras.tag",
        CLUSTER_TYPES: "virtualization.clustertype",
    },
)
GRANTS: Final = (RECORDS, JOURNALS, LOOK_UPS)

ACCESS_ITEMS: Final = (GROUP, USER, *(grant.permission for grant in GRANTS))


def issue_token(netbox: NetBox, owner: Item = USER) -> str | None:
    """A token for the user, for once in plain text; None where it has one already."""
    user = next(row for row in netbox.rows(owner.path, **owner.key) if owner.is_row(row))
    for token in netbox.rows(TOKENS, user_id=user["id"]):
        if token["user"]["id"] == user["id"] and token["description"] == TOKEN_DESCRIPTION:
            return None
    wanted = {"user": user["id"], "version": 2, "description": TOKEN_DESCRIPTION}
    token = netbox.create(TOKENS, wanted)
    return f"nbt_{token['key']}.{token['token']}"
