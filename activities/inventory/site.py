"""Which site the devices of a fabric stand in, as its record says, and what one of their own is called."""

from typing import Any, Final

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox, may_need_setup
from activities.inventory.netbox.endpoints import LOCATIONS, PATHS
from activities.inventory.netbox.serializers import FABRIC
from activities.netbox.client import CLUSTERS, Row
from fabrics.inventory.model.naming import SITE, Fabric, fit
from fabrics.inventory.model.planned import Model
from fabrics.record.config import FabricConfig

FIELDS: Final = "id,scope_type,scope,custom_fields"


def fabric_of(netbox: InventoryNetBox, config: FabricConfig) -> Fabric:
    """The fabric with its site: that of `hh_site`, else of the cluster's scope, else one of its own.

    A scope that is a region or a group of sites names none. The record is read as it is now: the
    `config` that a sync began with may be older, or of a release that knew no places.
    Raises `PermanentError` where the place that the record names may not be seen.
    """
    site = _site_of(netbox, config)
    name = config.name if site else _own_name(netbox, config)
    return Fabric(config.fabric_id, name, site)


def _site_of(netbox: InventoryNetBox, config: FabricConfig) -> str:
    """The slug of the site; empty for one of the fabric's own."""
    record = _row(netbox, CLUSTERS, config.record_id, fields=FIELDS)
    if record is None:
        raise PermanentError(
            f"NetBox at {netbox.url} no longer has the fabric's record {config.record_id}."
        )
    chosen: Any = record["custom_fields"].get("hh_site") or _scope_site(netbox, record)
    if not chosen:
        return ""
    site = _named(netbox, "site", PATHS[Model.SITE], chosen)
    return "" if site["custom_fields"].get(FABRIC) == config.fabric_id else str(site["slug"])


def _scope_site(netbox: InventoryNetBox, record: Row) -> Row | None:
    scope: Row | None = record.get("scope")
    match record.get("scope_type"):
        case "dcim.site":
            return scope
        case "dcim.location" if scope:
            site: Row = _named(netbox, "location", LOCATIONS, scope)["site"]
            return site
    return None


def _own_name(netbox: InventoryNetBox, config: FabricConfig) -> str:
    """The fabric's name. NetBox takes it for one site only, so a fabric whose namesake has it adds its id."""
    name = fit(config.name, SITE)
    with may_need_setup():
        found = [row for row in netbox.rows(PATHS[Model.SITE], name=name) if row["name"] == name]
    others = {row["custom_fields"].get(FABRIC) for row in found} - {None, "", config.fabric_id}
    return f"{config.name} ({config.fabric_id})" if others else config.name


def _named(netbox: InventoryNetBox, what: str, path: str, named: Row) -> Row:
    """What the record names. That it is deleted empties the record's field, so it is there."""
    found = _row(netbox, path, named["id"])
    if found is None:
        raise PermanentError(
            f"NetBox at {netbox.url} does not show this token's user the {what} {named['display']} that the"
            " fabric's record names: run `starter.py setup`, or correct the user's permissions."
        )
    return found


def _row(netbox: InventoryNetBox, path: str, number: int, **options: object) -> Row | None:
    found = netbox.rows(path, id=number, **options)
    return next((row for row in found if row["id"] == number), None)
