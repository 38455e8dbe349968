"""Tables: the rows that `kubectl get` prints, in place of the objects themselves.

https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from fabrics.resources.kinds import Kind
from stack.kubernetes.printer_columns import PrinterColumn, get_printer_columns

type Item = dict[str, Any]

_NAME_COLUMN: Final = {
    "name": "Name",
    "type": "string",
    "format": "name",
    "description": "The object's name, unique in its namespace.",
    "priority": 0,
}

_JSON_TYPES: Final = frozenset(["application/json", "application/*", "*/*"])
_TABLE_VERSIONS: Final = frozenset(["v1", "v1beta1"])


class NotAcceptableError(ValueError):
    """None of the media types that a client accepts is supported."""


def wants_table(accept: str) -> bool:
    """Return whether the first supported media type of an Accept header is a Table.

    Raises NotAcceptableError if none is supported.
    """
    if not accept.strip():
        return False
    for media_range in accept.split(","):
        media_type, *parameters = (part.strip() for part in media_range.split(";"))
        if media_type in _JSON_TYPES:
            named = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
            if "as" not in named:
                return False
            if _is_table(named):
                return True
    raise NotAcceptableError("only the following media types are accepted: application/json")


def make_table(
    kind: Kind,
    items: Iterable[Item],
    metadata: Mapping[str, Any],
    include_object: str,
    now: datetime,
) -> Item:
    """Return the Table of these objects, with columns of every priority.

    `metadata` is that of the list. `include_object` is `None`, `Metadata` or `Object`, by default the
    second. Raises ValueError for others.
    """
    columns = get_printer_columns(kind)
    include = _INCLUDED.get(include_object or "Metadata")
    if include is None:
        raise ValueError(f"unrecognized includeObject value: {include_object!r}")
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata),
        "columnDefinitions": [_NAME_COLUMN, *map(_describe_column, columns)],
        "rows": [
            {"cells": _make_cells(columns, item, now), "object": include(item)} for item in items
        ],
    }


def format_age(age: timedelta) -> str:
    """Return an age as kubectl prints it: `45s`, `2m30s`, `3h5m`, `2d1h`, `3y12d`.

    A time ahead of the API's clock is `<invalid>`; two seconds are allowed for.

    Source: `HumanDuration` in k8s.io/apimachinery, `pkg/util/duration`.
    """
    seconds = int(age.total_seconds())
    if seconds < -1:
        return "<invalid>"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    limits = (
        (seconds < 120, f"{max(seconds, 0)}s"),
        (minutes < 10, _join(minutes, "m", seconds % 60, "s")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, _join(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (hours < 192, _join(days, "d", hours % 24, "h")),
        (days < 730, f"{days}d"),
        (days < 2920, _join(days // 365, "y", days % 365, "d")),
    )
    return next((text for is_below, text in limits if is_below), f"{days // 365}y")


def _is_table(parameters: Mapping[str, str]) -> bool:
    return (
        parameters["as"] == "Table"
        and parameters.get("g") == "meta.k8s.io"
        and parameters.get("v") in _TABLE_VERSIONS
    )


def _describe_column(column: PrinterColumn) -> Item:
    return {
        "name": column.name,
        "type": column.type,
        "format": "",
        "description": f"The value at {column.json_path}.",
        "priority": column.priority,
    }


def _make_cells(columns: Iterable[PrinterColumn], item: Item, now: datetime) -> list[Any]:
    values = (_format_cell(column, _find(item, column.json_path), now) for column in columns)
    return [item["metadata"]["name"], *values]


def _find(item: Item, json_path: str) -> object:
    value: Any = item
    for name in json_path.removeprefix(".").split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _format_cell(column: PrinterColumn, value: object, now: datetime) -> object:
    """Return the cell of a value, empty if it is not of the column's type.

    Source: `cellForJSONValue` in k8s.io/apiextensions-apiserver.
    """
    match column.type, value:
        case "string", str():
            return value
        case "string", _ if value is not None:
            return json.dumps(value, separators=(",", ":"))
        case "boolean", bool():
            return value
        case "integer", int() | float() if not isinstance(value, bool):
            return int(value)
        case "date", str():
            return _format_date(value, now)
    return None


def _format_date(value: str, now: datetime) -> str:
    try:
        return format_age(now - datetime.fromisoformat(value))
    except (ValueError, TypeError):  # no time, or one without a time zone
        return "<invalid>"


def _join(count: int, unit: str, rest: int, smaller_unit: str) -> str:
    return f"{count}{unit}" + (f"{rest}{smaller_unit}" if rest else "")


def _include_metadata(item: Item) -> Item:
    metadata = item["metadata"]
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
    }


_INCLUDED: Final[Mapping[str, Callable[[Item], Item | None]]] = {
    "None": lambda _item: None,
    "Metadata": _include_metadata,
    "Object": lambda item: item,
}
