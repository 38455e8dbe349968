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
from activities.setup.views import TAG_ITEM, TYPE_ITEM, VIEW_ITEMS, workflow_link_item
from activities.setup.webhook import webhook_items

__all__ = [
    "Action",
    "Change",
    "all_items",
    "apply",
    "check_netbox",
    "issue_token",
    "plan",
    "remove",
    "webhook_items",
]


def all_items(web_ui_url: str, namespace: str) -> list[Item]:
    """Everything, in the order in which it can be created.

    `web_ui_url` is the URL of the Temporal Web UI and `namespace` the Temporal namespace of the loops;
    fabrics link to them. An empty `web_ui_url` leaves the link that NetBox has.
    """
    return [
        *CHOICE_SET_ITEMS,
        *FIELD_ITEMS,
        *INVENTORY_FIELD_ITEMS,
        TYPE_ITEM,
        TAG_ITEM,
        *VIEW_ITEMS,
        workflow_link_item(web_ui_url, namespace),
        *ACCESS_ITEMS,
        *INVENTORY_ACCESS_ITEMS,
    ]
