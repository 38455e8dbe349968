"""Which fabrics `sync` refuses before it asks a loop, and its exit status."""

import pytest

from cli.app import run
from cli.commands.loop import check_can_sync
from cli.errors import CommandError
from cli.exit_codes import EXIT_OK, EXIT_UNHEALTHY
from cli.fabrics.fabric import Fabric
from cli.fabrics.fleet_view import FleetView
from fabrics.fleet.overview import build_overview_from_loop
from fabrics.loop.active_sync import SyncRequest
from fabrics.loop.report import FabricStatus
from fabrics.record.sync_status import LastKnownState
from tests.support.fabrics.reports import SYNC_STARTED, manual_report

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


def loop_status(interval: int) -> FabricStatus:
    """Make the status of a loop with this interval in seconds."""
    return FabricStatus.from_record(fabric(hh_sync_interval=interval).config, LastKnownState())


@pytest.mark.parametrize(
    ("stopped", "sentence"),
    [
        (fabric(hh_kubernetes_server=None), "DC Berlin is not configured"),
        (fabric(status="offline"), "set its status in NetBox to active"),
        (fabric(hh_sync_enabled=False), "`starter.py enable dc-berlin`"),
        (fabric(hh_sync_interval=0), "its interval is 0"),
    ],
)
def test_fabric_without_syncs_is_refused(stopped: Fabric, sentence: str) -> None:
    with pytest.raises(CommandError) as refused:
        check_can_sync(stopped, None)
    assert sentence in str(refused.value)


def test_new_interval_counts_before_the_record_has_it() -> None:
    check_can_sync(fabric(hh_sync_interval=0), loop_status(interval=5))


def test_interval_of_a_loop_that_has_not_read_its_record_does_not_count() -> None:
    new = loop_status(interval=300).model_copy(update={"record_read": False})
    with pytest.raises(CommandError, match="its interval is 0"):
        check_can_sync(fabric(hh_sync_interval=0), new)


@pytest.mark.parametrize(
    ("options", "inventory_text", "code"),
    [
        (["--full"], "", EXIT_OK),
        (["--full"], "2 in conflict with other objects.", EXIT_OK),
        (["--full"], "30 deletes in NetBox need confirmation (30 dcim.device);", EXIT_UNHEALTHY),
        (["--full"], "The inventory in NetBox is not up to date: No.", EXIT_UNHEALTHY),
        ([], "The inventory in NetBox is not up to date: No.", EXIT_OK),
    ],
)
def test_full_sync_exits_1_if_the_inventory_needs_a_person(
    monkeypatch: pytest.MonkeyPatch, options: list[str], inventory_text: str, code: int
) -> None:
    status = loop_status(60).model_copy(update={"inventory_text": inventory_text})
    now, report = SYNC_STARTED, manual_report(4)

    async def sync(_fabric: str, _request: SyncRequest, *, wait: bool) -> tuple[object, object]:
        assert wait
        return FleetView(fabrics=[build_overview_from_loop(status, 900, now)], now=now), report

    monkeypatch.setattr("cli.commands.loop._sync_fabric", sync)
    assert run(["sync", "dc", *options]) == code
