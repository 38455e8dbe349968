"""Check, without writing, that the token's user has the permissions for syncs.

OPTIONS shows if the user may add and change objects of a model, a list request if it may view them, and a
delete request without ids if it may delete them. For single records the check sends a change with an
`If-Match` that never matches: NetBox answers 412 to users who may change the record, and 404 to others.
"""

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Final

from activities.checks import Check, join_abbreviated, run_check
from activities.errors import PermanentError
from activities.netbox.client import NetBox, Row
from activities.netbox.http import NotFound, PreconditionFailed
from activities.setup.access import ACCOUNT_NAME, GRANTS, RECORDS_GRANT, Grant
from activities.setup.inventory_items import INVENTORY_GRANTS

ACTION_METHODS: Final = {"add": "POST", "change": "PUT"}
NONEXISTENT_ETAG: Final = '"never"'
"""An ETag that no object has: NetBox's are weak, and made from times."""

MAX_RECORDS_TRIED: Final = 20
"""NetBox answers 25 to 40 a second. One permission covers all records, so a sample is enough."""


class Permissions:
    """What the token's user may do. NetBox is asked once about each path and method."""

    def __init__(self, netbox: NetBox) -> None:
        self._netbox = netbox
        self._allowed_methods = cache(netbox.allowed_methods)

    def check(self, grant: Grant, path: str) -> str:
        """Raise `PermanentError` if the user lacks an action of the grant at `path`."""
        refused = [action for action in grant.actions if not self._allow(action, path)]
        if refused:
            raise PermanentError(
                f"The token's user may not {_join_with_or(refused)} {path}: use a token of the user"
                f" {ACCOUNT_NAME} that allows writes; `starter.py setup` creates its permission {_quote_name(grant)}."
            )
        return f"The token's user may {_join_with_or(grant.actions)} {path}."

    def _allow(self, action: str, path: str) -> bool:
        if action in ACTION_METHODS:
            return ACTION_METHODS[action] in self._allowed_methods(path)
        return self._netbox.can_delete(path) if action == "delete" else self._netbox.can_view(path)


def permission_checks(netbox: NetBox) -> Iterator[Check]:
    """Yield a check for each model that records need, and one for inventories."""
    permissions = Permissions(netbox)
    for grant in GRANTS:
        for path in grant.models:
            check = partial(permissions.check, grant, path)
            yield run_check(f"NetBox permission on {path}", check)
    check = partial(_check_inventory_permissions, permissions)
    yield run_check("NetBox permissions on inventories", check)


def record_checks(netbox: NetBox) -> Iterator[Check]:
    """Yield the checks that the permissions cover every fabric's record."""
    yield run_check("NetBox records visible", partial(_check_sees_all_records, netbox))
    yield run_check("NetBox records writable", partial(_check_may_change_records, netbox))


def _check_inventory_permissions(permissions: Permissions) -> str:
    """Check all permissions that inventories need, as one line of the output."""
    for grant in INVENTORY_GRANTS:
        for path in grant.models:
            permissions.check(grant, path)
    return "The token's user may write inventories."


def _quote_name(grant: Grant) -> str:
    return f'"{grant.permission.key["name"]}"'


def _join_with_or(words: Sequence[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _check_sees_all_records(netbox: NetBox) -> str:
    netbox.check_all_records_visible()
    return "The token's user may view all fabrics."


def _check_may_change_records(netbox: NetBox) -> str:
    records = netbox.list_records()[:MAX_RECORDS_TRIED]
    locked = [record["name"] for record in records if not _is_changeable(netbox, record)]
    if locked:
        raise PermanentError(
            f"The token's user may not change {join_abbreviated(locked)}: correct the constraints of"
            f" the permission {_quote_name(RECORDS_GRANT)} in NetBox."
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
        f"NetBox at {netbox.url} ignores the header If-Match, so changes can be lost: make sure that no proxy"
        " removes it."
    )
