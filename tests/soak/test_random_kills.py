"""Random kills of workers and Temporal lose, double and leave behind nothing.

`FABRIC_SYNC_SEED` repeats the random points of an earlier run, which prints its seed. `FABRIC_SYNC_SOAK_SECONDS` is for
how long something is killed now and then.
"""

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

import pytest
from temporalio.service import RPCError

from activities.netbox.client import NetBox
from fabrics.loop.report import FabricStatus, SyncReport
from fabrics.record.sync_status import InventoryState, SyncStatus
from temporal import connect
from tests.support.soak.fleet import Group, ObjectCounts, count_objects, create_group
from tests.support.soak.resources import HostUsage, list_processes, measure_usage
from tests.support.soak.supervised_worker import Casualty, SupervisedWorker, supervised_worker
from tests.support.soak.sync_ledger import SyncLedger, follows_slots
from tests.support.system.fleet import first_run_id, only_these_run
from tests.support.system.installation import (
    INVENTORY,
    Fabric,
    Installation,
    shown_status,
    wait_until,
)
from tests.support.system.restartable_temporal import RestartableTemporal, restartable_temporal

TEMPORAL: Final = "temporal"
VICTIMS: Final = (*Casualty, TEMPORAL)

KILLS_BETWEEN_READINGS: Final = 10
"""A loop keeps 50 reports, far more than it makes between so many kills."""

MAX_SECONDS_AFTER_CHANGE: Final = 4.0
"""Kills come soon after a change, while it is fetched, compared and written."""

MAX_DESCRIPTORS_MORE: Final = 12
MAX_THREADS_MORE: Final = 8
"""What one worker may need more at one time than at another: connections and threads that happen to be in use."""

MAX_POOL_THREADS: Final = 104
"""The slots of all activity workers, each with a thread once that many were needed at a time."""


@dataclass(frozen=True)
class Soak:
    """The fleet, and for how long what is killed how often; all times are in seconds."""

    groups: int
    fabrics_per_group: int
    workers: int
    interval: int
    seconds: float
    pauses: tuple[float, float]

    @property
    def patience(self) -> float:
        """The time for a fleet to settle, on a slow machine."""
        return 180 + 4 * self.interval + 2 * self.groups * self.fabrics_per_group


@dataclass(frozen=True)
class Kill:
    """A change in a group, and a kill some time after it."""

    pause: float
    group: int
    seconds_after_change: float
    victim: str
    worker: int


def plan_kills(rng: random.Random, soak: Soak) -> Iterator[Kill]:
    """Yield kills until the time is over, of each victim equally many."""
    left = soak.seconds
    while left > 0:
        for victim in rng.sample(VICTIMS, len(VICTIMS)):
            if left <= 0:
                return
            pause = rng.uniform(*soak.pauses)
            after_change = rng.uniform(0, MAX_SECONDS_AFTER_CHANGE)
            left -= pause
            group, worker = rng.randrange(soak.groups), rng.randrange(soak.workers)
            yield Kill(pause - after_change, group, after_change, victim, worker)


@dataclass
class Fleet:
    """Groups of fabrics, their servers and their workers."""

    soak: Soak
    installation: Installation
    temporal: RestartableTemporal
    groups: Sequence[Group]
    workers: Sequence[SupervisedWorker]
    ledger: SyncLedger

    @property
    def fabrics(self) -> list[Fabric]:
        return [fabric for group in self.groups for fabric in group.fabrics]

    async def survive(self, kills: Iterator[Kill]) -> Counter[str]:
        """Change and kill; return how often each victim was hit."""
        hits: Counter[str] = Counter()
        for number, kill in enumerate(kills, start=1):
            await asyncio.sleep(kill.pause)
            await self.groups[kill.group].change()
            await asyncio.sleep(kill.seconds_after_change)
            hits[kill.victim] += await self._kill(kill)
            if number % KILLS_BETWEEN_READINGS == 0:
                await self.ledger.read(self.fabrics)
        return hits

    async def _kill(self, kill: Kill) -> bool:
        """Kill; return whether that hit a process."""
        if kill.victim != TEMPORAL:
            return self.workers[kill.worker].kill(Casualty(kill.victim))
        await self.temporal.kill()
        await self.temporal.start()
        return True

    async def settle(self) -> HostUsage:
        """Wait until all fabrics follow their slots and are in NetBox.

        Return what that uses.
        """
        since, patience = datetime.now(UTC), self.soak.patience
        for fabric in self.fabrics:
            await wait_until(
                partial(read_history, fabric), partial(self._follows_slots, since), patience
            )
            await wait_until(partial(read_status, fabric), is_settled, patience)
        await self.ledger.read(self.fabrics)
        await wait_until(self._count_processes, lambda number: number == 2 * len(self.workers))
        return await asyncio.to_thread(measure_usage, self.workers, self.installation.folder)

    def _follows_slots(self, since: datetime, reports: Sequence[SyncReport]) -> bool:
        return follows_slots(reports, self.soak.interval, since)

    async def _count_processes(self) -> int:
        return len(await asyncio.to_thread(list_processes, self.installation.folder))

    async def read_objects(self) -> Mapping[str, ObjectCounts]:
        """Return what NetBox has of each fabric."""
        ids = [fabric.fabric_id for fabric in self.fabrics]
        return await asyncio.to_thread(count_objects, self.installation.admin, ids)

    @property
    def expected_objects(self) -> Mapping[str, ObjectCounts]:
        """What NetBox should have of each fabric."""
        return {
            fabric_id: objects
            for group in self.groups
            for fabric_id, objects in group.expected_objects.items()
        }


async def read_history(fabric: Fabric) -> Sequence[SyncReport]:
    """Return the reports of the loop; none while no worker answers."""
    with suppress(RPCError):
        return await fabric.history()
    return ()


async def read_status(fabric: Fabric) -> FabricStatus | None:
    """Return the status of the loop; None while no worker answers."""
    with suppress(RPCError):
        return await fabric.status()
    return None


def is_settled(status: FabricStatus | None) -> bool:
    """Return whether a fabric is in sync, in NetBox's inventory too."""
    if status is None:
        return False
    is_complete = status.inventory_state is InventoryState.UP_TO_DATE
    return status.sync_status is SyncStatus.IN_SYNC and is_complete and not status.netbox_error


@asynccontextmanager
async def running_fleet(installation: Installation, soak: Soak) -> AsyncIterator[Fleet]:
    """Run a fleet with servers of its own, except for NetBox and Git."""
    (installation.folder / "tmp").mkdir()
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(restartable_temporal(installation.folder))
        await stack.enter_async_context(temporal.up())
        client = await connect({"TEMPORAL_ADDRESS": temporal.address})
        overrides = INVENTORY | {
            "TEMPORAL_ADDRESS": temporal.address,
            "TMPDIR": str(installation.folder / "tmp"),
            "FABRIC_SYNC_FIRST_SYNC_SPREAD": str(soak.interval),
        }
        ours = replace(installation, client=client, overrides=overrides)
        groups = [
            await create_group(ours, soak.fabrics_per_group, soak.interval)
            for _ in range(soak.groups)
        ]
        workers = [
            await stack.enter_async_context(supervised_worker(ours)) for _ in range(soak.workers)
        ]
        yield Fleet(soak, ours, temporal, groups, workers, SyncLedger())


async def read_run_ids(fabrics: Sequence[Fabric]) -> dict[str, str | None]:
    """Return the id of the first run of each loop, which differs for a new loop."""
    return {
        fabric.fabric_id: await wait_until(partial(read_run_id, fabric), bool) for fabric in fabrics
    }


async def read_run_id(fabric: Fabric) -> str | None:
    """Return the id of the first run; None while Temporal finds nothing.

    A restarted server now and then misses even its namespace for a moment.
    """
    with suppress(RPCError):
        return await first_run_id(fabric)
    return None


def read_records(admin: NetBox, fabrics: Sequence[Fabric]) -> list[tuple[str, str | None]]:
    """Return fabric id and status of all records of these fabrics."""
    ids = {fabric.fabric_id for fabric in fabrics}
    fields = [
        {name.removeprefix("hh_"): value for name, value in record["custom_fields"].items()}
        for record in admin.list_records()
    ]
    return sorted(
        (row["fabric_id"], shown_status(row)) for row in fields if row["fabric_id"] in ids
    )


def check_usage(before: HostUsage, after: HostUsage, later: HostUsage, workers: int) -> None:
    """Check that nothing was left behind and nothing grows in a worker that syncs."""
    for usage in (before, after, later):
        assert usage.zombies == 0
        assert usage.leftovers == ()
        assert usage.processes == before.processes
        assert usage.mirrors == before.mirrors
    assert later.descriptors <= after.descriptors + MAX_DESCRIPTORS_MORE * workers
    assert later.threads <= after.threads + MAX_THREADS_MORE * workers
    assert after.descriptors <= before.descriptors + MAX_DESCRIPTORS_MORE * workers
    assert after.threads <= before.threads + MAX_POOL_THREADS * workers


@pytest.mark.parametrize(
    "soak",
    [
        pytest.param(
            Soak(
                groups=2,
                fabrics_per_group=5,
                workers=1,
                interval=5,
                seconds=60,
                pauses=(8, 20),
            ),
            id="short",
        ),
        pytest.param(
            Soak(
                groups=10,
                fabrics_per_group=10,
                workers=2,
                interval=15,
                seconds=1200,
                pauses=(10, 40),
            ),
            id="long",
            marks=[pytest.mark.soak, pytest.mark.timeout(3600)],
        ),
    ],
)
async def test_random_kills_lose_nothing_and_leave_nothing(
    installation: Installation, soak: Soak
) -> None:
    seed = int(os.environ.get("FABRIC_SYNC_SEED") or random.randrange(10**6))
    print(f"FABRIC_SYNC_SEED={seed}")
    soak = replace(soak, seconds=float(os.environ.get("FABRIC_SYNC_SOAK_SECONDS", soak.seconds)))
    async with running_fleet(installation, soak) as fleet:
        fabrics = fleet.fabrics
        await wait_until(
            partial(only_these_run, fleet.installation.client, fabrics), bool, soak.patience
        )
        before = await fleet.settle()
        first_runs = await read_run_ids(fabrics)

        kills = await fleet.survive(plan_kills(random.Random(seed), soak))

        after = await fleet.settle()
        await wait_until(
            fleet.read_objects, lambda found: found == fleet.expected_objects, soak.patience
        )
        later = await fleet.settle()
        await wait_until(partial(only_these_run, fleet.installation.client, fabrics), bool)
        assert await read_run_ids(fabrics) == first_runs
        records = await asyncio.to_thread(read_records, installation.admin, fabrics)
        restarts = sum(worker.restarts for worker in fleet.workers)
        killed = sum(len(worker.killed) for worker in fleet.workers)

    figures = {
        "seed": seed,
        "kills": kills,
        "killed": killed,
        "restarts": restarts,
        "syncs": fleet.ledger.syncs,
        "missed": fleet.ledger.missed,
        "descriptors": [usage.descriptors for usage in (before, after, later)],
        "threads": [usage.threads for usage in (before, after, later)],
    }
    print(json.dumps(figures))
    assert restarts >= killed > 0
    assert records == sorted((fabric.fabric_id, "in_sync") for fabric in fabrics)
    assert fleet.ledger.doubled == []
    assert fleet.ledger.skipped == []
    assert fleet.ledger.find_off_grid(soak.interval) == []
    check_usage(before, after, later, soak.workers)
    assert list_processes(installation.folder) == []
    assert list((installation.folder / "tmp").iterdir()) == []
