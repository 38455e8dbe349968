"""Is NetBox fit for its work? One line for each thing that has to be so, for `starter.py doctor`.

Nothing is written, and nobody needs to be an administrator to look.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from activities.check import check, some
from activities.errors import PermanentError
from activities.netbox.client import CLUSTER_TYPE, NetBox, Row
from activities.setup.field_rules import is_filled, is_refused
from activities.setup.fields import CHOICE_SET_ITEMS, FIELD_ITEMS, FIELDS, RULES
from activities.setup.inventory_items import INVENTORY_FIELD_ITEMS
from activities.setup.items import CLUSTER, Item
from activities.setup.permissions import permission_checks, record_checks
from activities.setup.provision import plan
from activities.setup.views import TYPE_ITEM
from fabrics.check import Check

MINIMUM: Final = (4, 7)
STRUCTURE: Final = ("type", "object_types", "choice_set", "related_object_type", "extra_choices")
FILTERS: Final = ("filter_logic", "unique")
VALIDATION: Final = ("required", *RULES)
ALL_FIELD_ITEMS: Final = (*FIELD_ITEMS, *INVENTORY_FIELD_ITEMS)


def check_netbox(netbox: NetBox) -> list[Check]:
    """All checks, as far as one stage of them makes the next possible."""
    checks: list[Check] = []
    for stage in STAGES:
        found = list(stage(netbox))
        checks += found
        if not all(each.ok for each in found):
            break
    return checks


def _answer_checks(netbox: NetBox) -> Iterator[Check]:
    yield check("NetBox", partial(_version, netbox))


def _structure_checks(netbox: NetBox) -> Iterator[Check]:
    items = _aspect([*CHOICE_SET_ITEMS, *ALL_FIELD_ITEMS, TYPE_ITEM], STRUCTURE)
    good = f"The cluster type {CLUSTER_TYPE} and {len(ALL_FIELD_ITEMS)} custom fields are there."
    yield check("NetBox fields", partial(_set_up, netbox, items, good))


def _rule_checks(netbox: NetBox) -> Iterator[Check]:
    good = "What objects are looked up by is compared as a whole."
    yield check("NetBox filters", partial(_set_up, netbox, _aspect(ALL_FIELD_ITEMS, FILTERS), good))
    good = "No rule of a field refuses what syncs write."
    yield check(
        "NetBox rules", partial(_set_up, netbox, _aspect(ALL_FIELD_ITEMS, VALIDATION), good)
    )
    yield check("NetBox required fields", partial(_required_fields, netbox))
    yield check("NetBox values", partial(_values, netbox))


STAGES: Final = (
    _answer_checks,
    permission_checks,
    _structure_checks,
    record_checks,
    _rule_checks,
)


def _aspect(items: Iterable[Item], names: Collection[str]) -> list[Item]:
    """The items as far as those of their values go."""
    return [
        replace(
            item,
            needed={name: value for name, value in item.needed.items() if name in names},
            defaults={},
        )
        for item in items
    ]


def _version(netbox: NetBox) -> str:
    version = str(netbox.status().get("netbox-version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if not numbers or tuple(map(int, numbers.groups())) < MINIMUM:
        raise PermanentError(
            f"NetBox at {netbox.url} is version {version or 'unknown'}: 4.7 or later is needed."
        )
    return f"NetBox {version} at {netbox.url} answers and knows the token."


def _set_up(netbox: NetBox, items: Sequence[Item], good: str) -> str:
    wrong = [str(change) for change in plan(netbox, items)]
    if wrong:
        raise PermanentError(
            f"NetBox is not as syncs need it ({some(wrong)}): run `starter.py setup`."
        )
    return good


def _required_fields(netbox: NetBox) -> str:
    """Where there is no fabric yet, `starter.py add` is what NetBox would refuse."""
    records = netbox.records()
    required = [
        field["name"]
        for field in _fields(netbox)
        if field["required"] and not (records and all(map(partial(is_filled, field), records)))
    ]
    if required:
        raise PermanentError(
            f"NetBox refuses to write records without the custom fields {', '.join(required)}, which are"
            " required on clusters: fill them in on every fabric, or make them optional."
        )
    return "No fabric lacks a custom field that is required."


def _values(netbox: NetBox) -> str:
    fields, records = _fields(netbox), netbox.records()
    refused = [
        f"{record['name']} for its {field['name']}"
        for record in records
        for field in fields
        if is_refused(field, record)
    ]
    if refused:
        raise PermanentError(
            f"NetBox refuses every change of {some(refused)}: the field's rules were changed since."
            " Correct the value, or the field."
        )
    return "No value in a fabric's record breaks a rule of its field."


def _fields(netbox: NetBox) -> list[Row]:
    """The custom fields of clusters, whoever made them."""
    return [row for row in netbox.rows(FIELDS) if CLUSTER in row["object_types"]]
