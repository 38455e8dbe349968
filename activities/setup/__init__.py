"""What NetBox needs so that fabrics can be records there: `starter.py setup`, and its `doctor`.

Fields, choices, the cluster type, the tag, what makes fabrics easy to find, what marks the objects of
their inventory, and the user that may do what this project does and nothing else.
"""

from activities.setup.access import ACCESS_ITEMS, issue_token
from activities.setup.checks import check_netbox
from activities.setup.fields import CHOICE_SET_ITEMS, FIELD_ITEMS
from activities.setup.inventory_items import INVENTORY_ACCESS_ITEMS, INVENTORY_FIELD_ITEMS
from activities.setup.items import Item
from activities.setup.provision import Action, Change, apply, plan, remove
from activities.setup.views import TAG_ITEM, TYPE_ITEM, VIEW_ITEMS, workflow_link
from activities.setup.webhook import webhook_items

__all__ = [
    "Action",
    "Change",
    "apply",
    "check_netbox",
    "issue_token",
    "items",
    "plan",
    "remove",
    "webhook_items",
]


def items(web_ui: str, namespace: str) -> list[Item]:
    """Everything, in the order in which it can be created.

    `web_ui` is the URL of the Temporal Web UI and `namespace` the Temporal namespace of the loops;
    fabrics link to them. An empty `web_ui` leaves the link that NetBox has.
    """
    return [
        *CHOICE_SET_ITEMS,
        *FIELD_ITEMS,
        *INVENTORY_FIELD_ITEMS,
        TYPE_ITEM,
        TAG_ITEM,
        *VIEW_ITEMS,
        workflow_link(web_ui, namespace),
        *ACCESS_ITEMS,
        *INVENTORY_ACCESS_ITEMS,
    ]
