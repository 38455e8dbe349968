"""May the token's user do what syncs need? NetBox is asked for each permission that set-up grants.

Nothing is written. OPTIONS tells what a user may add and change somewhere, reading tells what it may
see, a delete that names nothing whether it may delete. Which records it may change follows from a change
that can never happen, since its `If-Match` is none that NetBox gives: NetBox refuses it with 412 to those
who may change the record, else with 404.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from activities.check import check, some
from activities.errors import PermanentError
from activities.netbox.client import NetBox, Row
from activities.netbox.http import Conflict, Gone
from activities.setup.access import GRANTS, NAME, RECORDS, Grant
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.check import Check

METHODS: Final = {"add": "POST", "change": "PUT"}
NEVER: Final = '"never"'
"""An ETag that no object has: NetBox's are weak ones, of times."""

TRIED: Final = 20
"""Records, at 25 to 40 a second. One permission covers them all, so the first ones tell."""


def permission_checks(netbox: NetBox) -> Iterator[Check]:
    """One for each model that records need, and one for inventories."""
    for grant in GRANTS:
        for path in grant.models:
            yield check(f"NetBox permission on {path}", partial(_may, netbox, grant, path))
    yield check("NetBox permissions on inventories", partial(_may_all, netbox))


def record_checks(netbox: NetBox) -> Iterator[Check]:
    """Whether those permissions cover every fabric's record."""
    yield check("NetBox records in sight", partial(_sees, netbox))
    yield check("NetBox records to change", partial(_may_change, netbox))


def _may(netbox: NetBox, grant: Grant, path: str) -> str:
    refused = [action for action in grant.actions if not _allows(netbox, action, path)]
    if refused:
        raise PermanentError(
            f"The token's user may not {_listed(refused)} {path}: use a token that may write, of the"
            f" user {NAME}, whose permission {_name_of(grant)} `starter.py setup` makes."
        )
    return f"The token's user may {_listed(grant.actions)} {path}."


def _may_all(netbox: NetBox) -> str:
    """All that inventories need, in one line: it is one thing to people, and a dozen models."""
    for grant in INVENTORY_GRANTS:
        for path in grant.models:
            _may(netbox, grant, path)
    return "The token's user may write inventories."


def _name_of(grant: Grant) -> str:
    return f'"{grant.permission.key["name"]}"'


def _allows(netbox: NetBox, action: str, path: str) -> bool:
    if action in METHODS:
        return METHODS[action] in netbox.allowed_methods(path)
    if action == "delete":
        return netbox.may_delete(path)
    try:
        next(netbox.rows(path, fields="id"), None)
    except PermanentError:
        return False
    return True


def _listed(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _sees(netbox: NetBox) -> str:
    netbox.check_sees_all_records()
    return "The token's user sees all fabrics that there are."


def _may_change(netbox: NetBox) -> str:
    records = netbox.records()[:TRIED]
    locked = [record["name"] for record in records if not _is_open(netbox, record)]
    if locked:
        raise PermanentError(
            f"The token's user may not change {some(locked)}: correct the constraints of"
            f" the permission {_name_of(RECORDS)} in NetBox."
        )
    return f"The token's user may change the records of fabrics (tried: {len(records)})."


def _is_open(netbox: NetBox, record: Row) -> bool:
    try:
        netbox.patch_record(record["id"], {}, NEVER)
    except Conflict:
        return True
    except Gone:
        return False
    raise PermanentError(
        f"NetBox at {netbox.url} takes no notice of If-Match, so that changes can be lost: no proxy"
        " may remove that header."
    )
