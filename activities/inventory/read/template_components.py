"""Components that NetBox itself makes: those of a new device whose type has templates for some.

The catalogue is everybody's, so that people may add templates to a type which the project has made
without. An interface of the same name is then in the way of ours. NetBox's changelog tells what it made
from what somebody has made by hand: it was made by the request that made the device. Once the changelog
has forgotten that, it counts as made by hand.
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

MAX_IDS_PER_REQUEST: Final = 100
"""Ids in a question: what has more is longer than a URL may be."""


def find_template_interfaces(
    netbox: InventoryNetBox, refused: Sequence[Write], ids: Mapping[Ref, ObjectId]
) -> dict[Ref, Row]:
    """What NetBox has made that is in the way of these new interfaces, as REST shows it."""
    wanted = {(_device_id(write, ids), write.fields["name"]): write.ref for write in refused}
    devices = sorted({device for device, _ in wanted})
    rows = [
        row
        for row in netbox.list_rows(PATHS[Model.INTERFACE], device_id=devices)
        if (row["device"]["id"], row["name"]) in wanted
    ]
    made = find_template_component_ids(netbox, Model.INTERFACE, rows)
    return {wanted[row["device"]["id"], row["name"]]: row for row in rows if row["id"] in made}


def find_template_component_ids(
    netbox: InventoryNetBox, content_type: str, rows: Collection[Row]
) -> frozenset[int]:
    """The ids of those components of our devices that NetBox made with these and that nobody has marked."""
    unmarked = [row for row in rows if not is_owned_or_offered(row)]
    births = _find_creating_requests(
        netbox, Model.DEVICE, {row["device"]["id"] for row in unmarked}
    )
    made = _find_creating_requests(netbox, content_type, [row["id"] for row in unmarked])
    return frozenset(
        row["id"]
        for row in unmarked
        if row["id"] in made and made[row["id"]] == births.get(row["device"]["id"])
    )


def _device_id(write: Write, ids: Mapping[Ref, ObjectId]) -> int:
    device = write.fields["device"]
    assert isinstance(device, Ref)  # noqa: S101  every new interface has one
    return ids[device].number


def is_owned_or_offered(row: Row) -> bool:
    """Whether an object is a fabric's, or offered to one."""
    return bool(row["custom_fields"].get(FABRIC_FIELD)) or any(
        tag["slug"] == TAG_SLUG for tag in row["tags"]
    )


def _find_creating_requests(
    netbox: InventoryNetBox, content_type: str, object_ids: Iterable[int]
) -> dict[int, str]:
    """The requests that made objects, by their ids, as far as NetBox still knows and our user may see."""
    filters = {
        "action": "create",
        "changed_object_type": content_type,
        "fields": "id,action,changed_object_type,changed_object_id,request_id",
    }
    try:
        return {
            row["changed_object_id"]: row["request_id"]
            for some in batched(object_ids, MAX_IDS_PER_REQUEST)
            for row in netbox.list_rows(OBJECT_CHANGES, changed_object_id=list(some), **filters)
            if (row["action"]["value"], row["changed_object_type"]) == ("create", content_type)
        }
    except PermanentError:
        return {}
