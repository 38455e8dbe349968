"""Which loops are queried to show a whole fleet."""

from collections.abc import Mapping
from typing import override
from unittest.mock import Mock

from temporalio.client import Client

from activities.errors import NoResponseError
from activities.netbox.client import NetBox, Row
from cli.fabrics.fleet_view import MAX_QUERIED_LOOPS, get_fleet_view
from cli.session import Session
from cli.temporal.loop_client import ListedLoop, LoopClient
from fabrics.fleet.summary import FleetSummary
from fabrics.loop.report import FabricStatus
from fabrics.record.config import FabricConfig
from fabrics.record.config_fields import parse_config
from fabrics.record.sync_status import LastKnownState
from settings import Settings

FABRIC_IDS = [f"fabric-{number:02}" for number in range(3 * MAX_QUERIED_LOOPS)]


class CountingLoops(LoopClient):
    """Loops of which every second has a status that its record does not show."""

    def __init__(self) -> None:
        super().__init__(Mock(spec=Client), "queue")
        self.queried = list[str]()

    @override
    async def list_running(self) -> Mapping[str, ListedLoop]:
        statuses = {id_: ("error", "never_synced")[n % 2] for n, id_ in enumerate(FABRIC_IDS)}
        return {id_: ListedLoop(name=id_, status=status) for id_, status in statuses.items()}

    @override
    async def has_worker(self, queue: str = "") -> bool:
        return True

    @override
    async def get_fleet_summary(self) -> FleetSummary | None:
        return FleetSummary()

    @override
    async def get_status(self, fabric_id: str) -> FabricStatus | None:
        self.queried.append(fabric_id)
        config = FabricConfig(fabric_id=fabric_id, name=fabric_id, record_id=1)
        return FabricStatus.from_record(config, LastKnownState())


def _row(fabric_id: str) -> Row:
    fields = {
        "hh_fabric_id": fabric_id,
        "hh_sync_enabled": True,
        "hh_kubernetes_server": "https://10.0.0.1:6443",
        "hh_sync_status": "never_synced",
    }
    row = {"id": 1, "name": fabric_id, "status": "active", "custom_fields": fields}
    assert parse_config(row).needs_loop
    return row


def open_fake_session(netbox: NetBox) -> tuple[Session, CountingLoops]:
    """Return a session with this NetBox, and its loops."""
    loops = CountingLoops()
    return Session(Settings(), netbox, loops, "here"), loops


async def test_of_many_loops_the_first_that_may_know_more_than_their_records_are_queried() -> None:
    netbox = Mock(spec=NetBox)
    netbox.list_records.return_value = list(map(_row, FABRIC_IDS))
    session, loops = open_fake_session(netbox)
    view = await get_fleet_view(session, [])
    assert len(view.fabrics) == len(FABRIC_IDS)
    assert sorted(loops.queried) == sorted(FABRIC_IDS[::2][:MAX_QUERIED_LOOPS])


async def test_without_netbox_a_few_loops_are_queried_and_the_others_counted() -> None:
    netbox = Mock(spec=NetBox)
    netbox.list_records.side_effect = NoResponseError("NetBox does not answer.")
    session, loops = open_fake_session(netbox)
    view = await get_fleet_view(session, [])
    assert len(loops.queried) == len(view.fabrics) == MAX_QUERIED_LOOPS
    assert (
        f"Only {MAX_QUERIED_LOOPS} of {len(FABRIC_IDS)} fabrics were queried" in view.netbox_error
    )
