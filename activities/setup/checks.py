"""Is NetBox fit for its work? One line for each thing that has to be so, for `starter.py doctor`.

Only reads: permissions are asked for with OPTIONS, which tells a user what it may do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.netbox import CLUSTER_TYPE, CLUSTERS, JOURNAL, NetBox
from activities.setup.engine import Action, plan
from activities.setup.fields import CHOICE_SET_ITEMS, FIELD_ITEMS, FIELDS
from activities.setup.items import CLUSTER
from activities.setup.views import TYPE_ITEM

MINIMUM: Final = (4, 7)


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. The sentence of a failed one says what to do."""

    name: str
    ok: bool
    sentence: str


def check_netbox(netbox: NetBox) -> list[Check]:
    """All checks, or the first alone where NetBox does not answer or refuses the token."""
    answers = _check("NetBox", lambda: _version(netbox))
    if not answers.ok:
        return [answers]
    return [
        answers,
        _check("NetBox fields", lambda: _fields(netbox)),
        _check("NetBox required fields", lambda: _required_fields(netbox)),
        _check("NetBox permission on records", lambda: _may(netbox, CLUSTERS, "POST", "PUT")),
        _check("NetBox permission on journals", lambda: _may(netbox, JOURNAL, "POST")),
    ]


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look())
    except (PermanentError, TransientError) as error:
        return Check(name, False, str(error))


def _version(netbox: NetBox) -> str:
    version = str(netbox.status().get("netbox-version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if not numbers or tuple(map(int, numbers.groups())) < MINIMUM:
        raise PermanentError(
            f"NetBox at {netbox.url} is version {version or 'unknown'}: 4.7 or later is needed."
        )
    return f"NetBox {version} at {netbox.url} answers and knows the token."


def _fields(netbox: NetBox) -> str:
    items = [*CHOICE_SET_ITEMS, *FIELD_ITEMS, TYPE_ITEM]
    wrong = [str(change) for change in plan(netbox, items) if change.action is not Action.KEEP]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise PermanentError(f"Run `starter.py setup`, which has to {', '.join(wrong[:3])}{more}.")
    return f"The cluster type {CLUSTER_TYPE} and {len(FIELD_ITEMS)} custom fields are as needed."


def _required_fields(netbox: NetBox) -> str:
    """A required field that no sync fills in makes NetBox refuse every change of a record."""
    required = [
        row["name"]
        for row in netbox.rows(FIELDS)
        if row["required"] and CLUSTER in row["object_types"]
    ]
    if required:
        raise PermanentError(
            f"The custom fields {', '.join(required)} are required on clusters: NetBox refuses to"
            " change records without them. Fill them in on every fabric, or make them optional."
        )
    return "No custom field is required on clusters."


def _may(netbox: NetBox, path: str, *methods: str) -> str:
    missing = set(methods) - netbox.allowed_methods(path)
    if missing:
        verbs = " or ".join(sorted({"POST": "add", "PUT": "change"}[method] for method in missing))
        raise PermanentError(
            f"The token's user may not {verbs} {path}: use the user that `starter.py setup` made,"
            " and a token that may write."
        )
    next(netbox.rows(path), None)
    return f"The token's user may read and write {path}."
