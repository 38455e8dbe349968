"""`adopt` ends, even if something is offered in each of its passes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from cli.commands.adopt import MAX_PASSES, _sync_until_done
from cli.fabrics.fabric import Fabric
from cli.session import Session
from fabrics.inventory.report.report import InventoryReport
from fabrics.loop.active_sync import SyncRequest, Trigger
from fabrics.loop.report import SyncReport
from fabrics.record.sync_status import SyncStatus


@dataclass
class Loops:
    """A loop whose passes adopt one object each, up to a number."""

    offered: int
    passes: int = 0

    async def sync(self, _fabric_id: str, _request: SyncRequest) -> SyncReport:
        self.passes += 1
        return SyncReport(
            number=self.passes,
            trigger=Trigger.MANUAL,
            slot=None,
            started=datetime.now(UTC),
            duration=1,
            sync_status=SyncStatus.IN_SYNC,
            inventory=InventoryReport(adopted=self.passes <= self.offered),
        )

    async def get_status(self, _fabric_id: str) -> None:
        return None


async def adopt(loops: Loops) -> tuple[int, str]:
    session = cast(Session, SimpleNamespace(loops=loops))
    fabric = cast(Fabric, SimpleNamespace(fabric_id="oslo"))
    return await _sync_until_done(session, fabric)


async def test_adoption_ends_with_a_pass_that_adopts_nothing() -> None:
    loops = Loops(offered=3)
    assert await adopt(loops) == (3, "")
    assert loops.passes == 4


async def test_adoption_ends_although_each_pass_is_offered_more() -> None:
    loops = Loops(offered=10**6)
    adopted, error = await adopt(loops)
    assert adopted == loops.passes == MAX_PASSES
    assert error.endswith("run this command again.")
