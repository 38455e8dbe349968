"""The rules of custom fields, as NetBox applies them to everything that an object has stored.

A rule that somebody tightens is not applied to what is stored already, but to the next change: one
value that breaks it makes NetBox refuse every change of its object, whatever it is about.
"""

import re
from typing import Final

from activities.netbox.client import Row

EMPTY_VALUES: Final = (None, "")
"""What NetBox takes for no value; no rule but `required` applies to it."""


def has_value(field: Row, record: Row) -> bool:
    """Whether the record has a value, which a required field must have."""
    return record["custom_fields"].get(field["name"]) not in EMPTY_VALUES


def has_invalid_value(field: Row, record: Row) -> bool:
    """Whether the record's value is a text or a number that breaks the field's rules."""
    value = record["custom_fields"].get(field["name"])
    if isinstance(value, str) and value:
        return not re.match(field["validation_regex"], value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = field["validation_minimum"], field["validation_maximum"]
        return (low is not None and value < low) or (high is not None and value > high)
    return False
