"""Which site the devices of a fabric stand in, as its record says."""

from typing import Any, Final

from activities.errors import PermanentError
from activities.inventory.client import InventoryNetBox
from activities.inventory.models import LOCATIONS, PATHS
from activities.inventory.rows import FABRIC
from activities.netbox.client import CLUSTERS, Row
from fabrics.config import FabricConfig
from fabrics.inventory import Model

FIELDS: Final = "id,scope_type,scope,custom_fields"


def site_of(netbox: InventoryNetBox, config: FabricConfig) -> str:
    """The slug of the site: that of `hh_site`, else of the cluster's scope; empty for one of its own.

    A scope that is a region or a group of sites names none. The record is read as it is now: the
    `config` that a sync began with may be older, or of a release that knew no places.
    """
    record = _row(netbox, CLUSTERS, config.record_id, fields=FIELDS)
    if record is None:
        raise PermanentError(
            f"NetBox at {netbox.url} no longer has the fabric's record {config.record_id}."
        )
    chosen: Any = record["custom_fields"].get("hh_site") or _scope_site(netbox, record)
    site = _row(netbox, PATHS[Model.SITE], chosen["id"]) if chosen else None
    if site is None or site["custom_fields"].get(FABRIC) == config.fabric_id:
        return ""
    return str(site["slug"])


def _scope_site(netbox: InventoryNetBox, record: Row) -> Row | None:
    scope: Row | None = record.get("scope")
    match record.get("scope_type"):
        case "dcim.site":
            return scope
        case "dcim.location" if scope:
            location = _row(netbox, LOCATIONS, scope["id"])
            return location["site"] if location else None
    return None


def _row(netbox: InventoryNetBox, path: str, number: int, **options: object) -> Row | None:
    found = netbox.rows(path, id=number, **options)
    return next((row for row in found if row["id"] == number), None)
