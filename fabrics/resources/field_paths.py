"""Paths of fields, such as `spec.subnets.a.vlan` or `metadata.labels["a.b/c"]`."""

import json
import re

_PLAIN_FIELD = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_ITEM_KEY = re.compile(r"[A-Za-z0-9_./-]+(, [A-Za-z0-9_./-]+)*")


def join_field(path: str, name: str) -> str:
    """Append the name of a field or map entry to a path."""
    if not _PLAIN_FIELD.fullmatch(name):
        return f"{path}[{json.dumps(name)}]"
    return f"{path}.{name}" if path else name


def join_item(path: str, key: int | str) -> str:
    """Append a list element to a path, by index (from 0) or by key."""
    text = str(key)
    return f"{path}[{text if _PLAIN_ITEM_KEY.fullmatch(text) else json.dumps(text)}]"
