"""May the token's user do what syncs need? NetBox is asked for each permission that set-up grants.

Nothing is written. OPTIONS tells what a user may add and change somewhere, reading tells what it may
see, a delete that names nothing whether it may delete. Which records it may change follows from a change
that can never happen, since its `If-Match` is none that NetBox gives: NetBox refuses it with 412 to those
who may change the record, else with 404.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from activities.check import join_abbreviated, run_check
from activities.errors import PermanentError
from activities.netbox.client import NetBox, Row
from activities.netbox.http import NotFound, PreconditionFailed
from activities.setup.access import ACCOUNT_NAME, GRANTS, RECORDS_GRANT, Grant
from activities.setup.inventory_items import INVENTORY_GRANTS
from fabrics.check import Check

ACTION_METHODS: Final = {"add": "POST", "change": "PUT"}
NONEXISTENT_ETAG: Final = '"never"'
"""An ETag that no object has: NetBox's are weak ones, of times."""

MAX_RECORDS_TRIED: Final = 20
"""Records, at 25 to 40 a second. One permission covers them all, so the first ones tell."""


def permission_checks(netbox: NetBox) -> Iterator[Check]:
    """One for each model that records need, and one for inventories."""
    for grant in GRANTS:
        for path in grant.models:
            yield run_check(
                f"NetBox permission on {path}", partial(_check_permission, netbox, grant, path)
            )
    yield run_check(
        "NetBox permissions on inventories", partial(_check_inventory_permissions, netbox)
    )


def record_checks(netbox: NetBox) -> Iterator[Check]:
    """Whether those permissions cover every fabric's record."""
    yield run_check("NetBox records in sight", partial(_check_sees_all_records, netbox))
    yield run_check("NetBox records to change", partial(_check_may_change_records, netbox))


def _check_permission(netbox: NetBox, grant: Grant, path: str) -> str:
    refused = [action for action in grant.actions if not _is_allowed(netbox, action, path)]
    if refused:
        raise PermanentError(
            f"The token's user may not {_join_with_or(refused)} {path}: use a token that may write, of the"
            f" user {ACCOUNT_NAME}, whose permission {_quote_permission_name(grant)} `starter.py setup` makes."
        )
    return f"The token's user may {_join_with_or(grant.actions)} {path}."


def _check_inventory_permissions(netbox: NetBox) -> str:
    """All that inventories need, in one line: it is one thing to people, and a dozen models."""
    for grant in INVENTORY_GRANTS:
        for path in grant.models:
            _check_permission(netbox, grant, path)
    return "The token's user may write inventories."


def _quote_permission_name(grant: Grant) -> str:
    return f'"{grant.permission.key["name"]}"'


def _is_allowed(netbox: NetBox, action: str, path: str) -> bool:
    if action in ACTION_METHODS:
        return ACTION_METHODS[action] in netbox.allowed_methods(path)
    if action == "delete":
        return netbox.can_delete(path)
    try:
        next(netbox.list_rows(path, fields="id"), None)
    except PermanentError:
        return False
    return True


def _join_with_or(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _check_sees_all_records(netbox: NetBox) -> str:
    netbox.check_all_records_visible()
    return "The token's user sees all fabrics that there are."


def _check_may_change_records(netbox: NetBox) -> str:
    records = netbox.list_records()[:MAX_RECORDS_TRIED]
    locked = [record["name"] for record in records if not _is_changeable(netbox, record)]
    if locked:
        raise PermanentError(
            f"The token's user may not change {join_abbreviated(locked)}: correct the constraints of"
            f" the permission {_quote_permission_name(RECORDS_GRANT)} in NetBox."
        )
    return f"The token's user may change the records of fabrics (tried: {len(records)})."


def _is_changeable(netbox: NetBox, record: Row) -> bool:
    try:
        netbox.patch_record(record["id"], {}, NONEXISTENT_ETAG)
    except PreconditionFailed:
        return True
    except NotFound:
        return False
    raise PermanentError(
        f"NetBox at {netbox.url} takes no notice of If-Match, so that changes can be lost: no proxy"
        " may remove that header."
    )
