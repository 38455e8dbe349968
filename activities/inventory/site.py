"""Which site the devices of a fabric stand in, as its record says."""

from typing import Any, Final

from activities.errors import PermanentError
from activities.inventory.client import InventoryNetBox
from activities.netbox import CLUSTERS, Row

FIELDS: Final = "id,scope_type,scope,custom_fields"
LOCATIONS: Final = "dcim/locations"


def site_of(netbox: InventoryNetBox, record_id: int) -> str:
    """The slug of the site: that of `hh_site`, else of the cluster's scope; empty for one of its own.

    A scope that is a region or a group of sites names none.
    """
    rows = netbox.rows(CLUSTERS, id=record_id, fields=FIELDS)
    record = next((row for row in rows if row["id"] == record_id), None)
    if record is None:
        raise PermanentError(
            f"NetBox at {netbox.url} no longer has the fabric's record {record_id}."
        )
    site: Any = record["custom_fields"].get("hh_site") or _scope_site(netbox, record)
    return str(site["slug"]) if site else ""


def _scope_site(netbox: InventoryNetBox, record: Row) -> Row | None:
    scope: Row | None = record.get("scope")
    match record.get("scope_type"):
        case "dcim.site":
            return scope
        case "dcim.location" if scope:
            found = netbox.rows(LOCATIONS, id=scope["id"])
            return next((row["site"] for row in found if row["id"] == scope["id"]), None)
    return None
