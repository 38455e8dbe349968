"""Is NetBox fit for its work? One line for each thing that has to be so, for `starter.py doctor`.

Nothing is written, and nobody needs to be an administrator to look.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from activities.check import join_abbreviated, run_check
from activities.errors import PermanentError
from activities.netbox.client import CLUSTER_TYPE_SLUG, NetBox, Row
from activities.setup.field_rules import has_invalid_value, has_value
from activities.setup.fields import CHOICE_SET_ITEMS, CUSTOM_FIELDS, FIELD_ITEMS, VALIDATION_RULES
from activities.setup.inventory_items import INVENTORY_FIELD_ITEMS
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item
from activities.setup.permissions import permission_checks, record_checks
from activities.setup.provision import plan
from activities.setup.views import TYPE_ITEM
from fabrics.check import Check

MIN_NETBOX_VERSION: Final = (4, 7)
STRUCTURE_ATTRIBUTES: Final = (
    "type",
    "object_types",
    "choice_set",
    "related_object_type",
    "extra_choices",
)
FILTER_ATTRIBUTES: Final = ("filter_logic", "unique")
VALIDATION_ATTRIBUTES: Final = ("required", *VALIDATION_RULES)
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


def _connection_checks(netbox: NetBox) -> Iterator[Check]:
    yield run_check("NetBox", partial(_check_version, netbox))


def _structure_checks(netbox: NetBox) -> Iterator[Check]:
    items = _limit_to_attributes(
        [*CHOICE_SET_ITEMS, *ALL_FIELD_ITEMS, TYPE_ITEM], STRUCTURE_ATTRIBUTES
    )
    good = (
        f"The cluster type {CLUSTER_TYPE_SLUG} and {len(ALL_FIELD_ITEMS)} custom fields are there."
    )
    yield run_check("NetBox fields", partial(_check_items, netbox, items, good))


def _rule_checks(netbox: NetBox) -> Iterator[Check]:
    good = "What objects are looked up by is compared as a whole."
    yield run_check(
        "NetBox filters",
        partial(
            _check_items, netbox, _limit_to_attributes(ALL_FIELD_ITEMS, FILTER_ATTRIBUTES), good
        ),
    )
    good = "No rule of a field refuses what syncs write."
    yield run_check(
        "NetBox rules",
        partial(
            _check_items, netbox, _limit_to_attributes(ALL_FIELD_ITEMS, VALIDATION_ATTRIBUTES), good
        ),
    )
    yield run_check("NetBox required fields", partial(_check_required_fields, netbox))
    yield run_check("NetBox values", partial(_check_values, netbox))


STAGES: Final = (
    _connection_checks,
    permission_checks,
    _structure_checks,
    record_checks,
    _rule_checks,
)


def _limit_to_attributes(items: Iterable[Item], names: Collection[str]) -> list[Item]:
    """The items as far as those of their values go."""
    return [
        replace(
            item,
            needed={name: value for name, value in item.needed.items() if name in names},
            defaults={},
        )
        for item in items
    ]


def _check_version(netbox: NetBox) -> str:
    version = str(netbox.get_status().get("netbox-version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if not numbers or tuple(map(int, numbers.groups())) < MIN_NETBOX_VERSION:
        raise PermanentError(
            f"NetBox at {netbox.url} is version {version or 'unknown'}: 4.7 or later is needed."
        )
    return f"NetBox {version} at {netbox.url} answers and knows the token."


def _check_items(netbox: NetBox, items: Sequence[Item], success_message: str) -> str:
    wrong = [str(change) for change in plan(netbox, items)]
    if wrong:
        raise PermanentError(
            f"NetBox is not as syncs need it ({join_abbreviated(wrong)}): run `starter.py setup`."
        )
    return success_message


def _check_required_fields(netbox: NetBox) -> str:
    """Where there is no fabric yet, `starter.py add` is what NetBox would refuse."""
    records = netbox.list_records()
    required = [
        field["name"]
        for field in _fetch_cluster_fields(netbox)
        if field["required"] and not (records and all(map(partial(has_value, field), records)))
    ]
    if required:
        raise PermanentError(
            f"NetBox refuses to write records without the custom fields {', '.join(required)}, which are"
            " required on clusters: fill them in on every fabric, or make them optional."
        )
    return "No fabric lacks a custom field that is required."


def _check_values(netbox: NetBox) -> str:
    fields, records = _fetch_cluster_fields(netbox), netbox.list_records()
    refused = [
        f"{record['name']} for its {field['name']}"
        for record in records
        for field in fields
        if has_invalid_value(field, record)
    ]
    if refused:
        raise PermanentError(
            f"NetBox refuses every change of {join_abbreviated(refused)}: the field's rules were changed since."
            " Correct the value, or the field."
        )
    return "No value in a fabric's record breaks a rule of its field."


def _fetch_cluster_fields(netbox: NetBox) -> list[Row]:
    """The custom fields of clusters, whoever made them."""
    return [
        row for row in netbox.list_rows(CUSTOM_FIELDS) if CLUSTER_OBJECT_TYPE in row["object_types"]
    ]
