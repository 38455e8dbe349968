"""Field paths as people write them: `spec.subnets.default.vlan`, `metadata.labels["a.b/c"]`."""

import json
import re

_WORD = re.compile(r"[A-Za-z0-9_-]+")
_PORTS = re.compile(r"[A-Za-z0-9_./-]+(, [A-Za-z0-9_./-]+)*")


def member(path: str, name: str) -> str:
    """The path of a named field or map entry."""
    if not _WORD.fullmatch(name):
        return f"{path}[{json.dumps(name)}]"
    return f"{path}.{name}" if path else name


def entry(path: str, key: int | str) -> str:
    """The path of a list element, by its place (from 0) or by what tells it from the others."""
    text = str(key)
    return f"{path}[{text if _PORTS.fullmatch(text) else json.dumps(text)}]"
