"""Which site the devices of a fabric stand in, as its record says, and what one of their own is called."""

from typing import Any, Final

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, suggest_setup
from activities.inventory.netbox.endpoints import LOCATIONS, PATHS
from activities.netbox.client import CLUSTERS_PATH, Row
from fabrics.inventory.model.naming import MAX_SITE_NAME_CHARS, FabricIdentity, shorten
from fabrics.inventory.model.ownership import FABRIC_FIELD
from fabrics.inventory.model.planned import Model
from fabrics.record.config import FabricConfig

RECORD_FIELDS: Final = "id,scope_type,scope,custom_fields"


def resolve_fabric(netbox: InventoryNetBox, config: FabricConfig) -> FabricIdentity:
    """The fabric with its site: that of `hh_site`, else of the cluster's scope, else one of its own.

    A scope that is a region or a group of sites names none. The record is read as it is now: the
    `config` that a sync began with may be older, or of a release that knew no places.
    Raises `PermanentError` where the place that the record names may not be seen.
    """
    site = _resolve_site_slug(netbox, config)
    name = config.name if site else _choose_site_name(netbox, config)
    return FabricIdentity(config.fabric_id, name, site)


def _resolve_site_slug(netbox: InventoryNetBox, config: FabricConfig) -> str:
    """The slug of the site; empty for one of the fabric's own."""
    record = _fetch_row(netbox, CLUSTERS_PATH, config.record_id, fields=RECORD_FIELDS)
    if record is None:
        raise PermanentError(
            f"NetBox at {netbox.url} no longer has the fabric's record {config.record_id}."
        )
    chosen: Any = record["custom_fields"].get("hh_site") or _find_scope_site(netbox, record)
    if not chosen:
        return ""
    site = _fetch_referenced(netbox, "site", PATHS[Model.SITE], chosen)
    return "" if site["custom_fields"].get(FABRIC_FIELD) == config.fabric_id else str(site["slug"])


def _find_scope_site(netbox: InventoryNetBox, record: Row) -> Row | None:
    scope: Row | None = record.get("scope")
    match record.get("scope_type"):
        case "dcim.site":
            return scope
        case "dcim.location" if scope:
            site: Row = _fetch_referenced(netbox, "location", LOCATIONS, scope)["site"]
            return site
    return None


def _choose_site_name(netbox: InventoryNetBox, config: FabricConfig) -> str:
    """The fabric's name. NetBox takes it for one site only, so a fabric whose namesake has it adds its id."""
    name = shorten(config.name, MAX_SITE_NAME_CHARS)
    with suggest_setup():
        found = [
            row for row in netbox.list_rows(PATHS[Model.SITE], name=name) if row["name"] == name
        ]
    others = {row["custom_fields"].get(FABRIC_FIELD) for row in found} - {
        None,
        "",
        config.fabric_id,
    }
    return f"{config.name} ({config.fabric_id})" if others else config.name


def _fetch_referenced(netbox: InventoryNetBox, noun: str, path: str, reference: Row) -> Row:
    """What the record names. That it is deleted empties the record's field, so it is there."""
    found = _fetch_row(netbox, path, reference["id"])
    if found is None:
        raise PermanentError(
            f"NetBox at {netbox.url} does not show this token's user the {noun} {reference['display']} that the"
            " fabric's record names: run `starter.py setup`, or correct the user's permissions."
        )
    return found


def _fetch_row(netbox: InventoryNetBox, path: str, object_id: int, **filters: object) -> Row | None:
    found = netbox.list_rows(path, id=object_id, **filters)
    return next((row for row in found if row["id"] == object_id), None)
