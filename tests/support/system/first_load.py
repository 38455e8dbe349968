"""A fabric's first load into NetBox, and workers that are killed during it.

`FABRIC_SYNC_SEED` repeats the random points of an earlier run, which prints its seed.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final

from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.loop.inventory_pass import inventory_workflow_id
from fabrics.loop.report import FabricStatus
from fabrics.record.sync_status import InventoryState, SyncStatus
from tests.support.fabrics.sample_sets import SETS, in_git, live_items
from tests.support.inventory.live_samples import parse_live_state
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.fault_proxy import FaultProxy, run_fault_proxy
from tests.support.netbox.inventory_assertions import assert_inventory_matches
from tests.support.system.installation import INVENTORY, Fabric, Installation, wait_until

INTERVAL: Final = 5
"""Seconds: the minimum, so that every load misses some slots."""

LOAD_TIMEOUT_SECONDS: Final = 300
"""Enough for a slow machine."""


@dataclass(frozen=True)
class Sample:
    """A fabric: the files in Git by name, and the live objects."""

    files: Mapping[str, str]
    items: list[dict[str, Any]]


def real_sample(name: str) -> Sample:
    """Return a sample of a real fabric, which may be absent (see `needs_samples`)."""
    sample_set = next(candidate for candidate in SETS if candidate.name == name)
    return Sample(in_git(sample_set), [dict(item) for item in live_items(sample_set)])


@dataclass(frozen=True)
class Load:
    """A fabric before its first sync; its workers reach NetBox through `proxy`."""

    installation: Installation
    proxy: FaultProxy
    fabric: Fabric
    inventory: FabricInventory
    items: list[dict[str, Any]]

    @cached_property
    def objects(self) -> Counter[tuple[Model, str]]:
        """The objects that NetBox must have after the load, each once."""
        plan = self.inventory.plan(parse_live_state(self.items))
        return Counter(
            (planned.MODEL, planned.key) for planned in plan.objects if not planned.SHARED
        )

    @property
    def inventory_run(self) -> WorkflowHandle[Any, Any]:
        """The workflow that writes the fabric's inventory."""
        id_ = inventory_workflow_id(self.fabric.fabric_id)
        return self.installation.client.get_workflow_handle(id_)

    async def pending_update(self) -> PendingActivityInfo | None:
        """Return the pending `update_inventory` activity, if any."""
        try:
            described = await self.inventory_run.describe()
        except RPCError:
            return None  # it has not begun
        pending = described.raw_description.pending_activities
        updates = (info for info in pending if info.activity_type.name == "update_inventory")
        return next(updates, None)

    async def kill_workers(self, kills: int) -> None:
        """Kill workers one after the other, each when it writes a random remaining row."""
        seed = int(os.environ.get("FABRIC_SYNC_SEED") or random.randrange(10**6))
        print(f"FABRIC_SYNC_SEED={seed}")
        rng, total = random.Random(seed), sum(self.objects.values())
        for left in range(kills, 0, -1):
            share = max(1, (total - self.proxy.rows_received) // left)
            point = self.proxy.rows_received + rng.randint(1, share)
            async with self.installation.worker_process() as doomed:
                await self.proxy.wait_for_rows(point, LOAD_TIMEOUT_SECONDS)
                doomed.send_signal(signal.SIGKILL)
                doomed.wait()
            assert await self.pending_update()
            print(f"killed at row {point} of {total}")

    async def check_completes(self) -> None:
        """Check that a worker completes the load, and later syncs write nothing."""
        await wait_until(self.fabric.status, _is_settled, LOAD_TIMEOUT_SECONDS)
        # NetBox may have processed a request of a dead worker after the next worker had read it. The
        # duplicates are deleted like all absent objects, at the third sync.
        await wait_until(
            partial(asyncio.to_thread, self._existing),
            lambda existing: existing == self.objects,
            LOAD_TIMEOUT_SECONDS,
        )
        await asyncio.to_thread(assert_inventory_matches, self.inventory, self.items)
        before = await asyncio.to_thread(self.inventory.latest_change)
        report = await self.fabric.sync_fully()
        assert report is not None
        assert not report.has_changes
        assert report.unchanged == sum(self.objects.values())
        changes = await asyncio.to_thread(self.inventory.changes_since, before)
        assert [change for change in changes if change["changed_object_type"] in PATHS] == []

    def _existing(self) -> Counter[tuple[Model, str]]:
        """Return the objects of the fabric in NetBox, with their number."""
        return Counter(
            (model, row["custom_fields"]["hh_key"])
            for model in OWNED_MODELS
            for row in self.inventory.admin.list_rows(
                PATHS[model], cf_hh_fabric=self.fabric.fabric_id, fields="id,custom_fields"
            )
        )


def _is_settled(status: FabricStatus) -> bool:
    is_complete = status.inventory_state is InventoryState.UP_TO_DATE
    return status.sync_status is SyncStatus.IN_SYNC and is_complete


@asynccontextmanager
async def first_load(installation: Installation, sample: Sample) -> AsyncIterator[Load]:
    """Create the fabric and start its loop, which runs as soon as there is a worker."""
    netbox = installation.stack.netbox
    client = InventoryNetBox(netbox.url, installation.token, connect_timeout=5, timeout=60)
    async with run_fault_proxy(netbox.url) as proxy:
        installation.overrides |= INVENTORY | {"FABRIC_SYNC_NETBOX_URL": proxy.url}
        fabric = await installation.fabric(sample.files, sample.items, hh_sync_interval=INTERVAL)
        record, _ = await asyncio.to_thread(installation.admin.get_record, fabric.record_id)
        await installation.start(fabric, sync=False)
        with closing(client):
            inventory = FabricInventory(client, installation.admin, record)
            yield Load(installation, proxy, fabric, inventory, sample.items)
