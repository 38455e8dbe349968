"""Unquoted YAML scalars as Kubernetes (go-yaml v2) reads them.

No base-60 numbers (`65000:10` is text) and no timestamps; integers may be binary, octal or
hexadecimal and hold underscores; `y`, `no` and `on` are booleans.
"""

import math
import re

from fabrics.resources.json_types import Json

_KEYWORDS: dict[str, Json] = {
    **dict.fromkeys(["", "~", "null", "Null", "NULL"]),
    **dict.fromkeys(
        ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True
    ),
    **dict.fromkeys(
        ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False
    ),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}

NON_TEXT_FIRST_CHARS = frozenset("0123456789+-.~yYnNtTfFoO")
"""The first characters of all scalars that are not text."""

_INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def resolve_plain_scalar(text: str) -> Json:
    """Return the value of an unquoted scalar: null, bool, int, float or text."""
    if text and text[0] not in NON_TEXT_FIRST_CHARS:
        return text
    if text in _KEYWORDS:
        return _KEYWORDS[text]
    digits = text.replace("_", "")
    if _INT.fullmatch(digits) and len(digits) < 70:
        value = _parse_integer(digits)
        if -(2**63) <= value < 2**64:
            return value
    if not _FLOAT.fullmatch(digits):
        return text
    number = float(digits)
    # In Kubernetes' JSON a whole float is an integer.
    return int(number) if number.is_integer() and abs(number) < 2**63 else number


def _parse_integer(digits: str) -> int:
    body = digits.lstrip("+-")
    octal = len(body) > 1 and body[0] == "0" and body[1].isdigit()
    value = int(body, 8 if octal else 0)
    return -value if digits[0] == "-" else value
