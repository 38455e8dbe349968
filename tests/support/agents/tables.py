"""Tables of agents, printed as the Kubernetes API prints them."""

import json
from collections.abc import Sequence
from typing import Any

from fabrics.agents.table import AGENT, GATEWAY_AGENT
from fabrics.resources.kinds import Kind
from stack.kubernetes.printer_columns import get_printer_columns


def _list_columns(kind: Kind) -> tuple[tuple[str, str], ...]:
    columns = get_printer_columns(kind)
    return (("Name", "string"), *((column.name, column.type) for column in columns))


AGENT_COLUMNS, GATEWAY_AGENT_COLUMNS = map(_list_columns, (AGENT, GATEWAY_AGENT))
"""The columns of Agents and GatewayAgents in Hedgehog v0.129, with their types."""


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
