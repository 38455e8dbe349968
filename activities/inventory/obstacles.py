"""What stands in the way of an object that NetBox refuses: people's own objects are theirs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.inventory.client import InventoryNetBox
from activities.inventory.models import PATHS
from activities.inventory.rows import FABRIC
from activities.inventory.writer import Done, Written
from activities.netbox import Row
from activities.setup.views import TAG
from fabrics.inventory import Model, Ref
from fabrics.inventory.report import MAX_FINDINGS, Finding, Problem

IDENTITY: Final[Mapping[Model, Mapping[str, str]]] = {
    Model.SITE: {"slug": "slug"},
    Model.MANUFACTURER: {"name": "name"},
    Model.DEVICE_TYPE: {"manufacturer": "manufacturer_id", "model": "model"},
    Model.DEVICE_ROLE: {"name": "name"},
    Model.PLATFORM: {"name": "name"},
    Model.VLAN_GROUP: {"name": "name"},
    Model.VLAN: {"group": "group_id", "vid": "vid"},
    Model.DEVICE: {"site": "site_id", "name": "name"},
    Model.INTERFACE: {"device": "device_id", "name": "name"},
    Model.PREFIX: {"vrf": "vrf_id", "prefix": "prefix"},
    Model.IP_RANGE: {"vrf": "vrf_id", "start_address": "start_address"},
    Model.IP_ADDRESS: {"vrf": "vrf_id", "address": "address"},
}
"""By which fields of a model NetBox tells objects apart, and the filters for them."""


def findings(netbox: InventoryNetBox, result: Written) -> Iterator[Finding]:
    """Why objects were not written. What is in the way is looked up for the first of them."""
    for place, (ref, done) in enumerate(result.refused.items()):
        obstacle = _obstacle(netbox, done, result) if place < MAX_FINDINGS else None
        yield _finding(netbox, ref, done, obstacle)
    for ref, missing in result.orphaned.items():
        yield Finding(
            problem=Problem.FAILED, what=ref.key, why=f"needs {missing.key}, which is not in NetBox"
        )


def _finding(netbox: InventoryNetBox, ref: Ref, done: Done, obstacle: Row | None) -> Finding:
    if obstacle is None:
        return Finding(problem=Problem.FAILED, what=ref.key, why=done.reason)
    name = f"{obstacle['display']} ({netbox.url}/{PATHS[ref.model]}/{obstacle['id']}/)"
    if _is_tagged(obstacle) and not _fabric_of(obstacle):
        why = f"{name} is in its place, tagged {TAG}: it can be adopted"
        return Finding(problem=Problem.ADOPTABLE, what=ref.key, why=why)
    owner = _fabric_of(obstacle)
    whose = f"belongs to the fabric {owner}" if owner else "was made by somebody else"
    return Finding(
        problem=Problem.CONFLICT, what=ref.key, why=f"{name} is in its place and {whose}"
    )


def _obstacle(netbox: InventoryNetBox, done: Done, result: Written) -> Row | None:
    """Another's object that has what tells this one apart."""
    model, fields = done.write.ref.model, done.write.fields
    if model is Model.CABLE:
        return _other_cable(netbox, done, result)
    if not IDENTITY.get(model) or not IDENTITY[model].keys() <= fields.keys():
        return None
    filters = {
        name: result.ids[value].number if isinstance(value := fields[field], Ref) else value
        for field, name in IDENTITY[model].items()
    }
    return _first(lambda: netbox.rows(PATHS[model], **filters), done, result)


def _other_cable(netbox: InventoryNetBox, done: Done, result: Written) -> Row | None:
    ends = [
        result.ids[end].number
        for name in ("a_terminations", "b_terminations")
        for end in _ends(done.write.fields.get(name))
    ]
    if not ends:
        return None
    return _first(lambda: netbox.rows(PATHS[Model.CABLE], interface_id=ends), done, result)


def _ends(value: object) -> Iterator[Ref]:
    yield from (
        each for each in (value if isinstance(value, tuple) else ()) if isinstance(each, Ref)
    )


def _first(look: Callable[[], Iterator[Row]], done: Done, result: Written) -> Row | None:
    """The first that is not ours. Where it cannot be told, NetBox's own words have to do."""
    ours = {known.number for ref, known in result.ids.items() if ref.model is done.write.ref.model}
    try:
        return next((row for row in look() if row["id"] not in ours), None)
    except (PermanentError, TransientError):
        return None


def _is_tagged(row: Row) -> bool:
    return any(tag["slug"] == TAG for tag in row.get("tags", ()))


def _fabric_of(row: Row) -> str:
    return row.get("custom_fields", {}).get(FABRIC) or ""
