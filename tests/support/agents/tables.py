"""Tables of agents, printed as the Kubernetes API prints them."""

import json
from collections.abc import Sequence
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86400

AGENT_COLUMNS = (
    ("Name", "string"),
    ("Role", "string"),
    ("Descr", "string"),
    ("HWSKU", "string"),
    ("Heartbeat", "date"),
    ("Applied", "date"),
    ("AppliedG", "integer"),
    ("CurrentG", "integer"),
    ("Version", "string"),
    ("RebootReq", "string"),
    ("Software", "string"),
    ("Attempt", "date"),
    ("AttemptG", "integer"),
    ("Age", "date"),
)
"""The columns of Agents in Hedgehog v0.129."""

GATEWAY_AGENT_COLUMNS = (
    ("Name", "string"),
    ("Applied", "date"),
    ("AppliedG", "integer"),
    ("CurrentG", "integer"),
    ("Version", "string"),
    ("Age", "date"),
)


def print_age(seconds: float) -> str:
    """Print an age in seconds as `HumanDuration` of k8s.io/apimachinery does."""
    whole = int(seconds)
    if whole < 0:
        return "0s" if whole == -1 else "<invalid>"
    days, hours, minutes = whole // DAY, whole // HOUR, whole // MINUTE
    if whole < 2 * MINUTE:
        parts = [(whole, "s")]
    elif minutes < 10:
        parts = [(minutes, "m"), (whole % 60, "s")]
    elif minutes < 180:
        parts = [(minutes, "m")]
    elif hours < 8:
        parts = [(hours, "h"), (minutes % 60, "m")]
    elif hours < 48:
        parts = [(hours, "h")]
    elif days < 8:
        parts = [(days, "d"), (hours % 24, "h")]
    elif days < 2 * 365:
        parts = [(days, "d")]
    elif days < 8 * 365:
        parts = [(days // 365, "y"), (days % 365, "d")]
    else:
        parts = [(days // 365, "y")]
    first, *rest = parts
    return "".join(f"{number}{unit}" for number, unit in [first, *(p for p in rest if p[0])])


def print_table(
    columns: Sequence[tuple[str, str]], *rows: dict[str, Any], continue_token: str = ""
) -> bytes:
    """Print rows, each given as cells by column; cells that are not given are null."""
    table = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "1", "continue": continue_token},
        "columnDefinitions": [
            {"name": name, "type": kind, "format": "", "description": "", "priority": 0}
            for name, kind in columns
        ],
        "rows": [{"cells": [row.get(name) for name, _ in columns], "object": None} for row in rows],
    }
    return json.dumps(table).encode()
