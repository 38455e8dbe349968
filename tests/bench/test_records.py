"""The benchmark of records measures what it says, in a real NetBox."""

from contextlib import closing

from activities.inventory.netbox.client import InventoryNetBox
from activities.netbox.client import CLUSTERS_PATH
from bench.records import measure
from stack.stack import Stack


def test_each_write_is_a_row_with_a_size(stack: Stack, constrained_token: str) -> None:
    result = measure(stack, constrained_token, writes=3, fabrics=5)
    _delete_records(stack)
    assert [row["rows"] for row in result["writes"]] == [3, 3, 3, 3]
    assert result["round"][0]["records"] == 5


def _delete_records(stack: Stack) -> None:
    server = stack.netbox
    with closing(
        InventoryNetBox(server.url, server.token, connect_timeout=5, timeout=60)
    ) as netbox:
        rows = [{"id": record["id"]} for record in netbox.list_records()]
        netbox.write("DELETE", CLUSTERS_PATH, rows)
