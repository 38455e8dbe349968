"""Set up NetBox for fabrics (`starter.py setup`), and check it (`doctor`).

Custom fields and choice sets, the cluster type, the tag, a link, filters and a table that show fabrics,
and the user of this project with the permissions that it needs and no others.
"""

from activities.setup.access import ACCESS_ITEMS, issue_token
from activities.setup.checks import check_netbox, check_token
from activities.setup.choice_sets import CHOICE_SET_ITEMS
from activities.setup.fields import FIELD_ITEMS
from activities.setup.inventory_items import (
    DRIFT_FILTER_ITEM,
    INVENTORY_ACCESS_ITEMS,
    INVENTORY_FIELD_ITEMS,
)
from activities.setup.items import Item
from activities.setup.provision import Action, Change, Rows, apply, plan, remove
from activities.setup.views import TAG_ITEM, TYPE_ITEM, VIEW_ITEMS, workflow_link_item
from activities.setup.webhook import webhook_items

__all__ = [
    "Action",
    "Change",
    "Rows",
    "all_items",
    "apply",
    "check_netbox",
    "check_token",
    "issue_token",
    "plan",
    "remove",
    "webhook_items",
]


def all_items(web_ui_url: str, namespace: str) -> list[Item]:
    """Return all items except the webhook, in the order in which they can be created.

    Fabrics link to their loops in the Temporal Web UI at `web_ui_url`, in the Temporal `namespace`. An empty
    `web_ui_url` keeps the link that NetBox has.
    """
    return [
        *CHOICE_SET_ITEMS,
        *FIELD_ITEMS,
        *INVENTORY_FIELD_ITEMS,
        TYPE_ITEM,
        TAG_ITEM,
        *VIEW_ITEMS,
        DRIFT_FILTER_ITEM,
        workflow_link_item(web_ui_url, namespace),
        *ACCESS_ITEMS,
        *INVENTORY_ACCESS_ITEMS,
    ]
