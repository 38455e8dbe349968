"""Which fabrics `sync` refuses before it asks a loop."""

import pytest

from cli.commands.loop import check_can_sync
from cli.errors import CommandError
from cli.fabrics.fabric import Fabric

FIELDS: dict[str, object] = {
    "hh_fabric_id": "dc-berlin",
    "hh_sync_enabled": True,
    "hh_kubernetes_server": "https://10.0.0.1:6443",
}


def fabric(status: str = "active", **fields: object) -> Fabric:
    """Make a fabric from a record that may be synced, but for `fields`."""
    record = {
        "id": 1,
        "name": "DC Berlin",
        "status": {"value": status, "label": status.title()},
        "custom_fields": FIELDS | fields,
    }
    return Fabric.from_record(record)


@pytest.mark.parametrize(
    ("stopped", "interval", "sentence"),
    [
        (fabric(hh_kubernetes_server=None), 300, "DC Berlin is not configured"),
        (fabric(status="offline"), 300, "set its status in NetBox to active"),
        (fabric(hh_sync_enabled=False), 300, "`starter.py enable dc-berlin`"),
        (fabric(hh_sync_interval=0), 0, "its interval is 0"),
    ],
)
def test_fabric_without_syncs_is_refused(stopped: Fabric, interval: int, sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        check_can_sync(stopped, interval)
    assert sentence in str(refused.value)


def test_new_interval_counts_before_the_record_has_it() -> None:
    check_can_sync(fabric(hh_sync_interval=0), 5)
