"""Long passes over an inventory: progress reports, cancellation, and resumption."""

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
from tests.support.inventory.live_samples import OWN, parse_live_state
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.fault_proxy import FaultProxy
from tests.support.system.installation import wait_until

LYON = parse_live_state(next(sample for sample in OWN if sample.name == "lyon-edge").items())
AT_PORTS = 20
"""Rows after which interfaces are being written, whether or not the catalogue exists already."""


class Run[**P, A]:
    """An activity that runs beside the test; `progress` collects its heartbeats."""

    def __init__(self, work: Callable[P, A], *args: P.args, **kwargs: P.kwargs) -> None:
        self.progress: list[InventoryProgress] = []
        self._environment = ActivityEnvironment()
        self._environment.on_heartbeat = self.progress.append
        self.end = asyncio.create_task(
            asyncio.to_thread(partial(self._environment.run, work, *args, **kwargs))
        )

    async def finish(self) -> A:
        """Return its result; assert that its progress reached the announced total."""
        result = await self.end
        done = [step.done for step in self.progress]
        assert done == sorted(done)
        assert {step.total for step in self.progress} == {done[-1]}
        return result

    async def cancel_after(self, fault_proxy: FaultProxy, rows: int, at_once: int) -> int:
        """Cancel it when NetBox has received `rows` and `at_once` requests are under way.

        Assert that it sends no further request, and return the number of rows that it wrote.
        """
        before = fault_proxy.rows_received
        await fault_proxy.wait_for_rows(rows)
        fault_proxy.released.clear()
        await wait_until(fault_proxy.count_held_answers, lambda count: count == at_once)
        self._environment.cancel()
        received = fault_proxy.rows_received
        fault_proxy.released.set()
        with pytest.raises(CancelledError):
            await self.end
        assert fault_proxy.rows_received == received
        return received - before


def count_objects(inventory: FabricInventory) -> Counter[tuple[Model, str]]:
    """Count the objects in NetBox by model and key."""
    return Counter(
        (model, row["custom_fields"]["hh_key"])
        for model in OWNED_MODELS
        for row in inventory.objects(model)
    )


async def test_cancelled_run_stops_between_requests_and_next_run_continues(
    fault_proxy: FaultProxy, proxied_inventory: FabricInventory
) -> None:
    activities, request = proxied_inventory.build_activities(LYON), proxied_inventory.request
    planned = {
        (item.MODEL, item.key) for item in proxied_inventory.plan(LYON).objects if not item.SHARED
    }

    load = Run(activities.update_inventory, request)
    written = await load.cancel_after(fault_proxy, rows=AT_PORTS, at_once=MAX_CONCURRENT_REQUESTS)
    written_objects = await asyncio.to_thread(count_objects, proxied_inventory)
    assert 0 < len(written_objects) < len(planned)
    rest = Run(activities.update_inventory, request)
    report = (await rest.finish()).report
    assert rest.progress[0].total == load.progress[0].total - written
    assert report.created == len(planned) - len(written_objects)
    assert await asyncio.to_thread(count_objects, proxied_inventory) == Counter(planned)

    await asyncio.to_thread(proxied_inventory.edit_record, hh_sync_enabled=False)
    removal = Run(activities.remove_inventory, request.config)
    deleted = await removal.cancel_after(
        fault_proxy, rows=fault_proxy.rows_received + 10, at_once=1
    )
    remaining = await asyncio.to_thread(count_objects, proxied_inventory)
    assert 0 < len(remaining) == len(planned) - deleted
    rest_of_it = Run(activities.remove_inventory, request.config)
    assert (await rest_of_it.finish()).deleted == rest_of_it.progress[0].total == len(remaining)
    assert await asyncio.to_thread(count_objects, proxied_inventory) == {}
    assert fault_proxy.max_concurrent == MAX_CONCURRENT_REQUESTS


async def test_inventories_share_limit_of_three_requests(
    fault_proxy: FaultProxy, proxied_inventory: FabricInventory
) -> None:
    activities, request = proxied_inventory.build_activities(LYON), proxied_inventory.request
    fault_proxy.released.clear()
    runs = [Run(activities.preview_inventory, request) for _ in range(MAX_CONCURRENT_REQUESTS + 2)]
    await wait_until(
        fault_proxy.count_held_answers, lambda number: number == MAX_CONCURRENT_REQUESTS
    )
    fault_proxy.released.set()
    for run in runs:
        assert (await run.end).writes
    assert fault_proxy.max_concurrent == MAX_CONCURRENT_REQUESTS == 3
