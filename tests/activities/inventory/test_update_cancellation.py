"""Inventories take long: they tell how far they are, can be called off, and go on where they were."""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest
from temporalio.exceptions import CancelledError
from temporalio.testing import ActivityEnvironment

from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.report.report import InventoryProgress
from tests.support.inventory.live_samples import OWN, live_of
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.fault_proxy import FaultProxy
from tests.support.system.installation import until

LYON = live_of(next(each for each in OWN if each.name == "lyon-edge").items())
AT_PORTS = 20
"""Rows after which some of its interfaces are being written, whether or not its catalogue is there."""


class Run[**P, A]:
    """An activity that runs beside the test; `told` is what it says of its progress."""

    def __init__(self, work: Callable[P, A], *args: P.args, **kwargs: P.kwargs) -> None:
        self.told: list[InventoryProgress] = []
        self._environment = ActivityEnvironment()
        self._environment.on_heartbeat = self.told.append
        self.end = asyncio.create_task(
            asyncio.to_thread(partial(self._environment.run, work, *args, **kwargs))
        )

    async def ends(self) -> A:
        """Its answer, once all is done that it said there was to do."""
        answer = await self.end
        done = [each.done for each in self.told]
        assert done == sorted(done)
        assert {each.total for each in self.told} == {done[-1]}
        return answer

    async def stops(self, between: FaultProxy, rows: int, at_once: int) -> int:
        """Cancel it when so many rows have come and that many requests are under way. Nothing else is sent.

        How many rows it wrote.
        """
        before = between.rows
        await between.received(rows)
        between.go_on.clear()
        await until(between.in_hand, lambda number: number == at_once)
        self._environment.cancel()
        came = between.rows
        between.go_on.set()
        with pytest.raises(CancelledError):
            await self.end
        assert between.rows == came
        return came - before


def own(mirror: FabricInventory) -> Counter[tuple[Model, str]]:
    """How often each object is in NetBox."""
    return Counter(
        (model, row["custom_fields"]["hh_key"])
        for model in OWNED_MODELS
        for row in mirror.own(model)
    )


async def test_what_is_called_off_stops_between_requests_and_the_next_run_does_what_is_left(
    between: FaultProxy, through: FabricInventory
) -> None:
    activities, request = through.activities(LYON), through.request
    wanted = {(each.MODEL, each.key) for each in through.plan(LYON).objects if not each.SHARED}

    load = Run(activities.update_inventory, request)
    written = await load.stops(between, rows=AT_PORTS, at_once=MAX_CONCURRENT_REQUESTS)
    there = await asyncio.to_thread(own, through)
    assert 0 < len(there) < len(wanted)
    rest = Run(activities.update_inventory, request)
    report = (await rest.ends()).report
    assert rest.told[0].total == load.told[0].total - written
    assert report.created == len(wanted) - len(there)
    assert await asyncio.to_thread(own, through) == Counter(wanted)

    removal = Run(activities.remove_inventory, request.config)
    deleted = await removal.stops(between, rows=between.rows + 10, at_once=1)
    left = await asyncio.to_thread(own, through)
    assert 0 < len(left) == len(wanted) - deleted
    rest_of_it = Run(activities.remove_inventory, request.config)
    assert (await rest_of_it.ends()).deleted == rest_of_it.told[0].total == len(left)
    assert await asyncio.to_thread(own, through) == {}
    assert between.most == MAX_CONCURRENT_REQUESTS


async def test_inventories_side_by_side_have_three_requests_under_way_together(
    between: FaultProxy, through: FabricInventory
) -> None:
    activities, request = through.activities(LYON), through.request
    between.go_on.clear()
    runs = [Run(activities.preview_inventory, request) for _ in range(MAX_CONCURRENT_REQUESTS + 2)]
    await until(between.in_hand, lambda number: number == MAX_CONCURRENT_REQUESTS)
    between.go_on.set()
    for run in runs:
        assert (await run.end).writes
    assert between.most == MAX_CONCURRENT_REQUESTS == 3
