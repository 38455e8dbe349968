"""Check that NetBox is ready for syncs: one line per requirement, for `doctor`.

The checks write nothing, and need no administrator.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import cache, partial
from typing import Final

from activities.checks import Check, join_abbreviated, run_check
from activities.errors import PermanentError
from activities.netbox.client import CLUSTER_TYPE_SLUG, NetBox, Row
from activities.setup.access import expires_soon, find_token
from activities.setup.choice_sets import CHOICE_SET_ITEMS
from activities.setup.fields import CUSTOM_FIELDS, FIELD_ITEMS, VALIDATION_RULES
from activities.setup.inventory_items import INVENTORY_FIELD_ITEMS
from activities.setup.items import CLUSTER_OBJECT_TYPE, Item
from activities.setup.permissions import permission_checks, record_checks
from activities.setup.provision import Rows, plan
from activities.setup.views import TYPE_ITEM

MIN_NETBOX_VERSION: Final = (4, 7)
MAX_ANSWER_SECONDS: Final = 2.0
"""For an answer of a few kilobytes, as long as for the alert FabricSyncNetBoxSlow."""

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
EMPTY_VALUES: Final = (None, "")
"""Values that NetBox treats as empty; only the rule `required` applies to them."""


def check_netbox(netbox: NetBox) -> list[Check]:
    """Run the checks, up to the first stage that fails: later stages depend on it.

    How fast NetBox answers is judged by all of their requests: a NetBox that stalls answers most of them soon.
    """
    checks, answer_times = list[Check](), netbox.time_answers()
    for stage in STAGES:
        results = list(stage(netbox))
        checks += results
        if not all(check.ok for check in results):
            return checks
    return [*checks, run_check("NetBox speed", partial(_check_speed, answer_times))]


def check_token(netbox: NetBox, token: str) -> Check:
    """Check that the token does not expire soon."""
    return run_check("NetBox token", partial(_check_token_lasts, netbox, token))


def version_checks(netbox: NetBox) -> Iterator[Check]:
    """Yield the check of NetBox's version, which also needs a good token."""
    yield run_check("NetBox", partial(_check_version, netbox))


def structure_checks(netbox: NetBox) -> Iterator[Check]:
    """Yield the check that NetBox has the cluster type and the custom fields."""
    items = _limit([*CHOICE_SET_ITEMS, *ALL_FIELD_ITEMS, TYPE_ITEM], STRUCTURE_ATTRIBUTES)
    success = f"NetBox has the cluster type {CLUSTER_TYPE_SLUG} and all {len(ALL_FIELD_ITEMS)} custom fields."
    yield run_check("NetBox fields", partial(_check_items, Rows(netbox), items, success))


def rule_checks(netbox: NetBox) -> Iterator[Check]:
    """Yield the checks that custom fields find and take what syncs read and write."""
    rows, list_records = Rows(netbox), cache(netbox.list_records)
    items = _limit(ALL_FIELD_ITEMS, FILTER_ATTRIBUTES)
    success = "Custom fields are filtered by exact value."
    yield run_check("NetBox filters", partial(_check_items, rows, items, success))
    items = _limit(ALL_FIELD_ITEMS, VALIDATION_ATTRIBUTES)
    success = "No validation rule of a custom field refuses what syncs write."
    yield run_check("NetBox rules", partial(_check_items, rows, items, success))
    yield run_check("NetBox required fields", partial(_check_required_fields, rows, list_records))
    yield run_check("NetBox values", partial(_check_values, rows, list_records))


STAGES: Final = (
    version_checks,
    permission_checks,
    structure_checks,
    record_checks,
    rule_checks,
)


def _limit(items: Iterable[Item], attributes: Collection[str]) -> Iterator[Item]:
    """Yield the items with only these of their needed values."""
    for item in items:
        needed = {name: value for name, value in item.needed.items() if name in attributes}
        yield replace(item, needed=needed, defaults={})


def _check_version(netbox: NetBox) -> str:
    version = str(netbox.get_status().get("netbox-version", ""))
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if not numbers or tuple(map(int, numbers.groups())) < MIN_NETBOX_VERSION:
        raise PermanentError(
            f"NetBox at {netbox.url} is version {version or 'unknown'}: 4.7 or later is needed."
        )
    return f"NetBox {version} at {netbox.url} accepts the token."


def _check_speed(answer_times: Iterable[timedelta]) -> str:
    slowest = max(answer_times).total_seconds()
    if slowest > MAX_ANSWER_SECONDS:
        raise PermanentError(
            f"NetBox takes up to {slowest:.1f} s for an answer, so records and inventories are written late: look at"
            " its load, its database and its workers."
        )
    return f"NetBox answers within {slowest:.1f} s."


def _check_token_lasts(netbox: NetBox, token: str) -> str:
    row = find_token(netbox, token)
    if row is None:
        return "NetBox hides when its token expires."
    if expires_soon(row):
        raise PermanentError(
            f"NetBox's token expires at {row['expires']}: run `starter.py setup --token-expires DAYS` with an"
            " administrator's token, which makes a new one, and give that to the workers."
        )
    expires = row["expires"]
    return f"NetBox's token expires at {expires}." if expires else "NetBox's token does not expire."


def _check_items(rows: Rows, items: Iterable[Item], success_message: str) -> str:
    if changes := [str(change) for change in plan(rows, items)]:
        raise PermanentError(
            f"NetBox lacks settings that syncs need ({join_abbreviated(changes)}): run `starter.py setup`."
        )
    return success_message


def _check_required_fields(rows: Rows, list_records: Callable[[], list[Row]]) -> str:
    """Check that no record lacks a required field; without records, a new one would."""
    records = list_records()
    required = [
        field["name"]
        for field in _select_cluster_fields(rows)
        if field["required"] and not (records and all(map(partial(has_value, field), records)))
    ]
    if required:
        raise PermanentError(
            f"NetBox refuses to write records without the custom fields {', '.join(required)}, which are"
            " required on clusters: fill them in on every fabric, or make them optional."
        )
    return "Every fabric has a value for each required custom field."


def _check_values(rows: Rows, list_records: Callable[[], list[Row]]) -> str:
    fields, records = _select_cluster_fields(rows), list_records()
    refused = [
        f"{record['name']} for its {field['name']}"
        for record in records
        for field in fields
        if has_invalid_value(field, record)
    ]
    if refused:
        raise PermanentError(
            f"NetBox refuses every change of {join_abbreviated(refused)}: the value breaks a validation"
            " rule that was changed later. Correct the value, or the rule."
        )
    return "No value in a fabric's record breaks a validation rule."


def _select_cluster_fields(rows: Rows) -> list[Row]:
    """Return the custom fields of clusters, also those that others have made."""
    return [row for row in rows[CUSTOM_FIELDS] if CLUSTER_OBJECT_TYPE in row["object_types"]]


def has_value(field: Row, record: Row) -> bool:
    """True if the record has a value for the field."""
    return record["custom_fields"].get(field["name"]) not in EMPTY_VALUES


def has_invalid_value(field: Row, record: Row) -> bool:
    """True if the record's value is a text or a number that breaks the field's rules.

    NetBox does not check stored values when somebody tightens a rule, but then refuses every change of their
    objects, whatever changes.
    """
    value = record["custom_fields"].get(field["name"])
    if isinstance(value, str) and value:
        return not re.match(field["validation_regex"], value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = field["validation_minimum"], field["validation_maximum"]
        return (low is not None and value < low) or (high is not None and value > high)
    return False
