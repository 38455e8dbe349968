"""Find objects that somebody else says are a fabric's.

Whoever may change an object may give it our tag and the fields `hh_fabric` and `hh_key`, although they may not delete
it. If the fields name nothing that the fabric has, the fabric's passes would delete the object for them. NetBox's
changelog tells who has set each of the two last: unless that was our own user, the object stays. Entries are kept for
90 days by default (CHANGELOG_RETENTION), and an object is deleted minutes after it was found absent. A field whose
entries have expired counts as ours: otherwise nothing could be deleted after that time.
"""

from collections.abc import Collection
from typing import Final

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import OBJECT_CHANGES
from activities.netbox.client import Row
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD
from fabrics.inventory.model.planned import Model

FIELDS: Final = (
    "id,action,user_name,changed_object_type,changed_object_id,prechange_data,postchange_data"
)


def find_claimants(
    netbox: InventoryNetBox, model: Model, object_ids: Collection[int]
) -> dict[int, str]:
    """Return who else has set one of these fields last, by object id.

    Raises `PermanentError` if our user may not view the changelog.
    """
    if not object_ids:  # no ids are no filter
        return {}
    filters = {"changed_object_type": str(model), "changed_object_id": list(object_ids)}
    changes = [
        row
        for row in netbox.list_rows(OBJECT_CHANGES, **filters, fields=FIELDS)
        if row["changed_object_type"] == model and row["changed_object_id"] in object_ids
    ]
    changes.sort(key=lambda change: int(change["id"]))
    claimants: dict[int, str] = {}
    for field in (FABRIC_FIELD, KEY_FIELD):
        latest = {
            change["changed_object_id"]: str(change["user_name"])
            for change in changes
            if _sets(field, change)
        }
        claimants |= {number: user for number, user in latest.items() if user != netbox.user_name}
    return claimants


def _sets(field: str, change: Row) -> bool:
    """True if a change gives the field another value; the delete of an object gives none."""
    if change["action"]["value"] == "delete":
        return False
    before, after = (change[f"{when}change_data"] or {} for when in ("pre", "post"))
    # Where NetBox changes an object because of another one, it may not note what it was before.
    is_known = "custom_fields" in before or change["action"]["value"] == "create"
    return is_known and _get(field, before) != _get(field, after)


def _get(field: str, data: Row) -> object:
    return (data.get("custom_fields") or {}).get(field) or ""
