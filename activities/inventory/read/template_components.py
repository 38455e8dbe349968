"""Find the components that NetBox creates from the templates of a device type.

Anybody may add templates to a device type, also to those that this project created without any. An
interface from a template then conflicts with ours of the same name. NetBox's changelog distinguishes it
from one made by hand: the request that created the device created it too. Once that entry has expired,
the interface counts as made by hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import batched
from typing import Final

from activities.errors import PermanentError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import OBJECT_CHANGES, PATHS
from activities.netbox.client import Row
from fabrics.inventory.compare.changes import Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.ownership import FABRIC_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.ports import strip_first_lane

MAX_IDS_PER_REQUEST: Final = 100
"""More ids would exceed the length of a URL."""


def find_template_interfaces(
    netbox: InventoryNetBox, writes: Sequence[Write], ids: Mapping[Ref, ObjectId]
) -> dict[Ref, Row]:
    """Return the template interfaces in the places of new ones, as REST rows.

    That is an interface of the same name, or else the undivided port of a first lane.
    """
    if not writes:  # no ids are no filter
        return {}
    device_ids = sorted({_device_id(write, ids) for write in writes})
    listed = netbox.list_rows(PATHS[Model.INTERFACE], device_id=device_ids)
    rows = {(row["device"]["id"], row["name"]): row for row in listed}
    in_place: dict[Ref, Row] = {}
    for write in writes:
        device_id, name = _device_id(write, ids), str(write.fields["name"])
        places = (device_id, name), (device_id, strip_first_lane(name))
        if row := next((rows[place] for place in places if place in rows), None):
            in_place[write.ref] = row
    templated = find_template_component_ids(netbox, Model.INTERFACE, in_place.values())
    return {ref: row for ref, row in in_place.items() if row["id"] in templated}


def find_template_component_ids(
    netbox: InventoryNetBox, content_type: str, rows: Collection[Row]
) -> frozenset[int]:
    """Return the ids of components that NetBox created and nobody has marked."""
    device_ids = {row["id"]: row["device"]["id"] for row in rows if not is_claimed(row)}
    devices = _find_creating_requests(netbox, Model.DEVICE, set(device_ids.values()))
    components = _find_creating_requests(netbox, content_type, device_ids)
    return frozenset(
        id_
        for id_, device_id in device_ids.items()
        if id_ in components and components[id_] == devices.get(device_id)
    )


def _device_id(write: Write, ids: Mapping[Ref, ObjectId]) -> int:
    device = write.fields["device"]
    assert isinstance(device, Ref)  # noqa: S101  every new interface has one
    return ids[device].number


def is_claimed(row: Row) -> bool:
    """True if an object belongs to a fabric, or a person offers it to one by our tag."""
    is_tagged = any(tag["slug"] == TAG_SLUG for tag in row["tags"])
    return is_tagged or bool(row["custom_fields"].get(FABRIC_FIELD))


def _find_creating_requests(
    netbox: InventoryNetBox, content_type: str, object_ids: Iterable[int]
) -> dict[int, str]:
    """Return our own requests that created objects, by object id, as far as logged."""
    filters = {
        "action": "create",
        "changed_object_type": content_type,
        "fields": "id,action,user_name,changed_object_type,changed_object_id,request_id",
    }
    try:
        return {
            row["changed_object_id"]: row["request_id"]
            for batch in batched(object_ids, MAX_IDS_PER_REQUEST)
            for row in netbox.list_rows(OBJECT_CHANGES, changed_object_id=list(batch), **filters)
            if (row["action"]["value"], row["changed_object_type"]) == ("create", content_type)
            and row["user_name"] == netbox.user_name
        }
    except PermanentError:
        return {}
