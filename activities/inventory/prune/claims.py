"""Find objects that somebody else says are a fabric's.

Whoever may change an object may give it our tag and the fields `hh_fabric` and `hh_key`, although they may not delete
it. If the fields name nothing that the fabric has, the fabric's passes would delete the object for them. NetBox's
changelog tells who has set each of the two last: unless that was our own user, the object stays. Entries are kept for
90 days by default (CHANGELOG_RETENTION), and an object is deleted minutes after it was found absent. A field whose
entries have expired counts as ours: otherwise nothing could be deleted after that time.
"""

from collections.abc import Collection, Iterator
from typing import Final, NamedTuple

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import OBJECT_CHANGES
from activities.netbox.client import Row
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD
from fabrics.inventory.model.planned import Model

FIELDS: Final = (
    "id,action,user_name,changed_object_type,changed_object_id,prechange_data,postchange_data"
)


class _Change(NamedTuple):
    """An entry of the changelog that sets one of the fields."""

    number: int
    object_id: int
    user: str
    fields: frozenset[str]


def find_claimants(
    netbox: InventoryNetBox, model: Model, object_ids: Collection[int]
) -> dict[int, str]:
    """Return who else has set one of these fields last, by object id.

    Raises `PermanentError` if our user may not view the changelog. Our own entries, which may be many, are only read of
    objects that somebody else has marked.
    """
    own = netbox.user_name
    others = _list_changes(netbox, model, object_ids, user_name__n=own)
    marked = {change.object_id for change in others if change.user != own}
    changes = sorted(_list_changes(netbox, model, marked))
    claimants: dict[int, str] = {}
    for field in (FABRIC_FIELD, KEY_FIELD):
        latest = {change.object_id: change.user for change in changes if field in change.fields}
        claimants |= {number: user for number, user in latest.items() if user != own}
    return claimants


def _list_changes(
    netbox: InventoryNetBox, model: Model, object_ids: Collection[int], **filters: str
) -> Iterator[_Change]:
    if not object_ids:  # no ids are no filter
        return
    of_objects = {"changed_object_type": str(model), "changed_object_id": list(object_ids)}
    for row in netbox.list_rows(OBJECT_CHANGES, **of_objects, **filters, fields=FIELDS):
        is_listed = row["changed_object_type"] == model and row["changed_object_id"] in object_ids
        fields = frozenset(name for name in (FABRIC_FIELD, KEY_FIELD) if _sets(name, row))
        if is_listed and fields:
            yield _Change(row["id"], row["changed_object_id"], str(row["user_name"]), fields)


def _sets(field: str, change: Row) -> bool:
    """True if a change gives the field another value, which a delete never does."""
    if change["action"]["value"] == "delete":
        return False
    before, after = (change[f"{when}change_data"] or {} for when in ("pre", "post"))
    # Where NetBox changes an object because of another one, it may not note what it was before.
    is_known = "custom_fields" in before or change["action"]["value"] == "create"
    return is_known and _get(field, before) != _get(field, after)


def _get(field: str, data: Row) -> object:
    return (data.get("custom_fields") or {}).get(field) or ""
