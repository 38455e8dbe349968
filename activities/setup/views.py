"""Items that show fabrics in NetBox: type and tag, a link, filters and a table."""

from typing import Final
from urllib.parse import quote

from activities.netbox.client import CLUSTER_TYPE_SLUG, Row
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item
from fabrics.agents.health_report import Health
from fabrics.inventory.model.ownership import TAG_SLUG

LOCAL_WEB_UI_URL: Final = "http://localhost:8233"
"""The Web UI of Temporal's development server."""

IS_FABRIC_EXPRESSION: Final = (
    f'object.type.slug == "{CLUSTER_TYPE_SLUG}" and object.custom_field_data.hh_fabric_id'
)
"""True for fabrics: a custom link appears on every cluster unless its text is empty."""

TYPE_ITEM: Final = Item(
    "virtualization/cluster-types",
    {"slug": CLUSTER_TYPE_SLUG},
    defaults={"name": "Hedgehog fabric", "description": "A Hedgehog Open Network Fabric."},
)
TAG_ITEM: Final = Item(
    "extras/tags",
    {"slug": TAG_SLUG},
    defaults={
        "name": "Hedgehog sync",
        "color": "00bcd4",
        "description": "Managed by Fabric Sync, which changes and deletes only objects with this tag.",
    },
)


def _saved_filter(slug: str, name: str, parameters: dict[str, list[str]]) -> Item:
    return Item(
        "extras/saved-filters",
        {"slug": slug},
        defaults={
            "name": name,
            "object_types": [CLUSTER_OBJECT_TYPE],
            "parameters": {"type": [CLUSTER_TYPE_SLUG]} | parameters,
            "shared": True,
        },
    )


VIEW_ITEMS: Final = (
    _saved_filter("fabrics-with-drift", "Fabrics with drift", {"cf_hh_drift_count__gte": ["1"]}),
    _saved_filter("fabrics-in-error", "Fabrics in error", {"cf_hh_sync_status": ["error"]}),
    _saved_filter(
        "fabrics-not-healthy",
        "Fabrics not healthy",
        {"cf_hh_health": [Health.DEGRADED, Health.PROGRESSING]},
    ),
    Item(
        "extras/table-configs",
        {"name": "Hedgehog fabrics", "table": "ClusterTable"},
        needed={"object_type": CLUSTER_OBJECT_TYPE},
        defaults={
            "columns": [
                "name",
                "cf_hh_sync_status",
                "cf_hh_health",
                "cf_hh_drift_count",
                "cf_hh_last_sync",
                "cf_hh_sync_error",
            ],
            "ordering": ["name"],
            "shared": True,
        },
    ),
)


def workflow_link_item(web_ui_url: str, namespace: str) -> Item:
    """Return a link on each fabric to its loop in the Temporal Web UI.

    If `web_ui_url` is empty, an existing link stays as it is, and a new one leads to `LOCAL_WEB_UI_URL`.
    """
    base = (web_ui_url or LOCAL_WEB_UI_URL).rstrip("/")
    loops = f"{base}/namespaces/{quote(namespace, safe='')}/workflows/fabric-sync%2F"
    text = f"{{% if {IS_FABRIC_EXPRESSION} %}}Temporal workflow{{% endif %}}"
    needed: Row = {"object_types": [CLUSTER_OBJECT_TYPE]}
    defaults: Row = {"link_text": text, "new_window": True}
    values = needed if web_ui_url else defaults
    values["link_url"] = loops + "{{ object.custom_field_data.hh_fabric_id }}"
    return Item("extras/custom-links", {"name": "Hedgehog sync in Temporal"}, needed, defaults)
