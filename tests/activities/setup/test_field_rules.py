"""Stored values that break a field's rules, at last compared with NetBox itself."""

from collections.abc import Iterator

import pytest

from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.netbox.http import BadRequest
from activities.setup.checks import has_invalid_value, has_value
from activities.setup.fields import CUSTOM_FIELDS
from activities.setup.items import CLUSTER_OBJECT_TYPE
from tests.support.netbox.records import MakeRecord

NO_RULES: Row = {"validation_minimum": None, "validation_maximum": None, "validation_regex": ""}

CASES = [
    ({"validation_regex": "^https://"}, "https://a", False),
    ({"validation_regex": "^https://"}, "http://a", True),
    ({"validation_regex": "https"}, "https://a", False),
    ({"validation_regex": "a$"}, "https://a", True),  # NetBox matches from the beginning
    ({"validation_regex": "^x"}, None, False),
    ({"validation_regex": "^x"}, "", False),
    ({"validation_minimum": 5}, 4, True),
    ({"validation_minimum": 5}, 5, False),
    ({"validation_minimum": 5}, None, False),
    ({"validation_maximum": 5}, 6, True),
    ({"validation_maximum": 5}, 5, False),
    ({"validation_minimum": 0, "validation_maximum": 5}, 0, False),
    ({}, "anything", False),
]


@pytest.mark.parametrize(("rules", "value", "refused"), CASES)
def test_value_is_checked_against_rules(rules: Row, value: object, refused: bool) -> None:
    field = {"name": "f", **NO_RULES, **rules}
    assert has_invalid_value(field, {"custom_fields": {"f": value}}) is refused


@pytest.mark.parametrize("value", [True, False, [1], {"a": 1}, {"value": "x", "label": "X"}])
def test_rules_apply_only_to_texts_and_numbers(value: object) -> None:
    field = {"name": "f", **NO_RULES, "validation_minimum": 5, "validation_regex": "^y"}
    assert not has_invalid_value(field, {"custom_fields": {"f": value}})


@pytest.mark.parametrize(
    ("value", "filled"), [(None, False), ("", False), (0, True), (False, True)]
)
def test_empty_text_is_no_value(value: object, filled: bool) -> None:
    assert has_value({"name": "f"}, {"custom_fields": {"f": value}}) is filled


@pytest.fixture(scope="module")
def trial_fields(admin: NetBox) -> Iterator[dict[type, Row]]:
    """A custom field for texts and one for numbers."""
    fields: dict[type, Row] = {
        type_: admin.create(
            CUSTOM_FIELDS,
            {"name": f"trial_{name}", "type": name, "object_types": [CLUSTER_OBJECT_TYPE]},
        )
        for type_, name in ((str, "text"), (int, "integer"))
    }
    yield fields
    for field in fields.values():
        admin.delete(CUSTOM_FIELDS, field["id"])


@pytest.fixture(scope="module")
def stored(make_shared_record: MakeRecord, trial_fields: dict[type, Row]) -> Row:
    """A record for the values."""
    return make_shared_record()


@pytest.mark.parametrize(
    ("rules", "value", "refused"), [case for case in CASES if case[0] and case[1]]
)
def test_netbox_applies_the_same_rules(  # noqa: PLR0917  fixtures
    admin: NetBox,
    stored: Row,
    trial_fields: dict[type, Row],
    rules: Row,
    value: object,
    refused: bool,
) -> None:
    field, others = trial_fields[type(value)], trial_fields.values()
    admin.update(CUSTOM_FIELDS, field["id"], NO_RULES)
    values = {other["name"]: value if other is field else None for other in others}
    record = admin.update(CLUSTERS_PATH, stored["id"], {"custom_fields": values})
    admin.update(CUSTOM_FIELDS, field["id"], rules)
    assert has_invalid_value({**field, **rules}, record) is refused
    if refused:
        with pytest.raises(BadRequest, match=field["name"]):
            admin.update(CLUSTERS_PATH, record["id"], {"description": "new"})
    else:
        admin.update(CLUSTERS_PATH, record["id"], {"description": "new"})
