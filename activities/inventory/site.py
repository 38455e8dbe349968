"""Choose the site of a fabric's devices: a shared one, or one of their own."""

from typing import Any, Final

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, suggest_setup
from activities.inventory.netbox.endpoints import LOCATIONS, PATHS
from activities.netbox.client import CLUSTERS_PATH, Row
from activities.record import check_owner
from fabrics.inventory.model.naming import MAX_NAME_CHARS, FabricIdentity, shorten
from fabrics.inventory.model.ownership import FABRIC_FIELD
from fabrics.inventory.model.planned import Model
from fabrics.record.config import FabricConfig

RECORD_FIELDS: Final = "id,name,scope_type,scope,custom_fields"


def resolve_fabric(netbox: InventoryNetBox, config: FabricConfig, instance: str) -> FabricIdentity:
    """Return the fabric with its site: `hh_site`, else the scope, else its own.

    A region or a site group as scope names no site. The record is read again, since `config` may be older.
    Raises `PermanentError` where the user may not see the site, and `OwnedByOtherInstallation` unless the record
    belongs to `instance` or to nobody.
    """
    record = _fetch_record(netbox, config)
    check_owner(record, instance)
    site = _resolve_site_slug(netbox, config, record)
    name = config.name if site else _choose_site_name(netbox, config)
    return FabricIdentity(config.fabric_id, name, site)


def _fetch_record(netbox: InventoryNetBox, config: FabricConfig) -> Row:
    record = _fetch_row(netbox, CLUSTERS_PATH, config.record_id, fields=RECORD_FIELDS)
    if record is None:
        raise PermanentError(
            f"NetBox at {netbox.url} no longer has the record of the fabric {config.fabric_id}"
            f" (cluster {config.record_id})."
        )
    return record


def _resolve_site_slug(netbox: InventoryNetBox, config: FabricConfig, record: Row) -> str:
    """Return the slug of the record's site; empty for the fabric's own site."""
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
    """Return the fabric's name, with its id if another fabric's site has it.

    Site names are unique in NetBox, cluster names are not.
    """
    name = shorten(config.name, MAX_NAME_CHARS)
    with suggest_setup():
        sites = list(netbox.list_rows(PATHS[Model.SITE], name=name))
    owners = {row["custom_fields"].get(FABRIC_FIELD) for row in sites if row["name"] == name}
    is_taken = owners - {None, "", config.fabric_id}
    return f"{config.name} ({config.fabric_id})" if is_taken else config.name


def _fetch_referenced(netbox: InventoryNetBox, noun: str, path: str, reference: Row) -> Row:
    """Return an object that the record refers to; NetBox clears dead references."""
    row = _fetch_row(netbox, path, reference["id"])
    if row is None:
        raise PermanentError(
            f"NetBox at {netbox.url} does not let the token's user view the {noun} {reference['display']},"
            " which the fabric's record names: run `starter.py setup`, or correct the user's permissions."
        )
    return row


def _fetch_row(netbox: InventoryNetBox, path: str, object_id: int, **filters: object) -> Row | None:
    rows = netbox.list_rows(path, id=object_id, **filters)
    return next((row for row in rows if row["id"] == object_id), None)
