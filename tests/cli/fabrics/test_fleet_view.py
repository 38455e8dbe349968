"""How many loops a view of many fabrics asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

from activities.errors import TransientError
from cli.fabrics.fleet_view import MAX_QUERIED_LOOPS, get_fleet_view
from cli.session import Session
from cli.temporal.loop_client import ListedLoop


@dataclass
class Loops:
    """Many loops, none of which answers; notes who was asked."""

    number: int
    asked: list[str] = field(default_factory=list)

    async def list_running(self) -> Mapping[str, ListedLoop]:
        return {f"dc-{number:03}": ListedLoop("", "") for number in range(self.number)}

    async def has_worker(self) -> bool:
        return True

    async def get_fleet_summary(self) -> None:
        return None

    async def get_status(self, fabric_id: str) -> None:
        self.asked.append(fabric_id)


async def refuse(_refs: object) -> None:
    raise TransientError("NetBox does not answer.")


async def test_only_some_of_many_loops_are_asked_while_netbox_is_down() -> None:
    loops = Loops(3 * MAX_QUERIED_LOOPS)
    settings = SimpleNamespace(netbox_heartbeat=900)
    session = SimpleNamespace(loops=loops, select_fabrics=refuse, settings=settings)
    view = await get_fleet_view(cast(Session, session), ())
    assert len(loops.asked) == MAX_QUERIED_LOOPS
    assert f"Only {MAX_QUERIED_LOOPS} of {loops.number} fabrics were queried" in view.netbox_error
