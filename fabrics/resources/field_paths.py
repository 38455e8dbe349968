"""Field paths as people write them: `spec.subnets.default.vlan`, `metadata.labels["a.b/c"]`."""

import json
import re

_PLAIN_FIELD = re.compile(r"[A-Za-z0-9_-]+")
_PLAIN_ITEM_KEY = re.compile(r"[A-Za-z0-9_./-]+(, [A-Za-z0-9_./-]+)*")


def join_field(path: str, name: str) -> str:
    """The path of a named field or map entry."""
    if not _PLAIN_FIELD.fullmatch(name):
        return f"{path}[{json.dumps(name)}]"
    return f"{path}.{name}" if path else name


def join_item(path: str, key: int | str) -> str:
    """The path of a list element, by its place (from 0) or by what tells it from the others."""
    text = str(key)
    return f"{path}[{text if _PLAIN_ITEM_KEY.fullmatch(text) else json.dumps(text)}]"
