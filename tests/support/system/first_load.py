"""A fabric's first load into NetBox, and workers that are killed while they write it.

`FABRIC_SYNC_SEED` repeats the random points of an earlier run, which a test that fails prints.
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

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.loop.report import FabricStatus
from fabrics.record.status import SyncStatus
from tests.support.fabrics.sample_sets import SETS, in_git, live_items
from tests.support.inventory.live_samples import live_of
from tests.support.netbox.fabric_inventory import FabricInventory
from tests.support.netbox.fault_proxy import FaultProxy, fault_proxy
from tests.support.netbox.inventory_assertions import assert_shows
from tests.support.system.installation import Fabric, Installation, until
from workflows.fabric_sync import FabricSync

INTERVAL: Final = 5
"""Seconds: the shortest there is, so that every load runs past some slots."""

LONG: Final = 300
"""Seconds within which a load ends on a slow machine."""


@dataclass(frozen=True)
class Sample:
    """A fabric: the files in Git, by their names, and the objects that live."""

    files: Mapping[str, str]
    items: list[dict[str, Any]]


def real(name: str) -> Sample:
    """One of those whose samples may be absent."""
    known = next(each for each in SETS if each.name == name)
    return Sample(in_git(known), [dict(each) for each in live_items(known)])


@dataclass(frozen=True)
class Load:
    """A fabric that has never been synced, with `between` as the NetBox of its workers."""

    installation: Installation
    between: FaultProxy
    fabric: Fabric
    mirror: FabricInventory
    items: list[dict[str, Any]]

    @cached_property
    def objects(self) -> Counter[tuple[Model, str]]:
        """What NetBox should hold of the fabric in the end, each once."""
        plan = self.mirror.plan(live_of(self.items))
        return Counter((each.MODEL, each.key) for each in plan.objects if not each.SHARED)

    async def writing(self) -> PendingActivityInfo | None:
        """The activity that writes, while it does or is to be tried again."""
        described = await self.fabric.handle.describe()
        pending = described.raw_description.pending_activities
        return next(
            (each for each in pending if each.activity_type.name == "update_inventory"), None
        )

    async def survives(self, kills: int) -> None:
        """Kill one worker after the other, each when NetBox gets a random row of those that are left."""
        seed = int(os.environ.get("FABRIC_SYNC_SEED") or random.randrange(10**6))
        print(f"FABRIC_SYNC_SEED={seed}")
        chance, total = random.Random(seed), sum(self.objects.values())
        for left in range(kills, 0, -1):
            share = max(1, (total - self.between.rows) // left)
            point = self.between.rows + chance.randint(1, share)
            async with self.installation.worker() as doomed:
                await self.between.received(point, LONG)
                doomed.send_signal(signal.SIGKILL)
                doomed.wait()
            assert await self.writing()
            print(f"killed at row {point} of {total}")

    async def ends(self) -> None:
        """With a worker that lives, NetBox soon holds what it should, and then nothing is written."""
        await until(self.fabric.status, _is_settled, LONG)
        # NetBox may have done what a dead worker asked for after the next one had looked: what is
        # there twice since then goes like all that is absent, at the third sync.
        await until(partial(asyncio.to_thread, self._held), lambda held: held == self.objects, LONG)
        await asyncio.to_thread(assert_shows, self.mirror, self.items)
        before = await asyncio.to_thread(self.mirror.latest)
        report = await self.fabric.handle.execute_update(FabricSync.sync_now, True)
        assert report.inventory is not None
        assert (report.inventory.has_changes, report.sync_status) == (False, SyncStatus.IN_SYNC)
        assert report.inventory.unchanged == sum(self.objects.values())
        changes = await asyncio.to_thread(self.mirror.changelog, before)
        assert [each for each in changes if each["changed_object_type"] in PATHS] == []

    def _held(self) -> Counter[tuple[Model, str]]:
        """What NetBox holds of the fabric by now."""
        return Counter(
            (model, row["custom_fields"]["hh_key"])
            for model in OWNED_MODELS
            for row in self.mirror.admin.list_rows(
                PATHS[model], cf_hh_fabric=self.fabric.fabric_id, fields="id,custom_fields"
            )
        )


def _is_settled(status: FabricStatus) -> bool:
    inventory = status.inventory
    whole = inventory.report is not None and not inventory.needs_attention
    return status.sync_status is SyncStatus.IN_SYNC and whole


@asynccontextmanager
async def first_load(installation: Installation, sample: Sample) -> AsyncIterator[Load]:
    """Such a fabric, whose loop runs as soon as there is a worker."""
    netbox = installation.stack.netbox
    client = InventoryNetBox(netbox.url, installation.token, connect_timeout=5, timeout=60)
    async with fault_proxy(netbox.url) as between:
        installation.changes |= {
            "FABRIC_SYNC_INVENTORY": "true",
            "FABRIC_SYNC_NETBOX_URL": between.url,
        }
        fabric = await installation.fabric(sample.files, sample.items, hh_sync_interval=INTERVAL)
        record, _ = await asyncio.to_thread(installation.admin.get_record, fabric.record_id)
        await installation.start(fabric, sync=False)
        with closing(client):
            mirror = FabricInventory(client, installation.admin, record)
            yield Load(installation, between, fabric, mirror, sample.items)
