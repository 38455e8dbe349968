"""Values that are not known: hidden, or shown without likely secrets."""

import re
from dataclasses import replace
from typing import Final

from fabrics.drift.model import FieldDrift
from fabrics.resources.json_types import Json

HIDDEN: Final = "(not shown)"
MASKED: Final = "(masked)"

_SECRET_NAME = re.compile(
    r"password|passphrase|secret|token|key|psk|hash|credential|community", re.IGNORECASE
)


def hide_unknown_values(field: FieldDrift) -> FieldDrift:
    """Return the field without values and names in it, unless they are known."""
    if field.is_known:
        return field
    desired, live = (None if value is None else HIDDEN for value in (field.desired, field.live))
    return replace(field, path=field.known_path or field.path, desired=desired, live=live)


def mask_secrets(field: FieldDrift) -> FieldDrift:
    """Return the field without unknown values whose names say that they are secrets."""
    if field.is_known:
        return field
    desired, live = (_mask_at(field.path, value) for value in (field.desired, field.live))
    return replace(field, desired=desired, live=live)


def _mask_at(name: str, value: Json) -> Json:
    """Return the value below a path or key with all masked that is named as a secret."""
    if value is None:
        return None
    if _SECRET_NAME.search(name):
        return MASKED
    match value:
        case dict():
            return {key: _mask_at(key, item) for key, item in value.items()}
        case list():
            return [_mask_at("", item) for item in value]
    return value
