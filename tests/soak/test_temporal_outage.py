"""After an outage of Temporal, every fabric syncs once and keeps its slots."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import WorkflowHandle

from fabrics.loop.loop import workflow_id
from fabrics.loop.report import SyncReport
from temporal import connect
from tests.support.system.fleet import only_these_run
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until
from tests.support.system.restartable_temporal import RestartableTemporal, restartable_temporal
from workflows.fabric_sync import FabricSync

IN_GIT: Final = {"fabric.yaml": in_yaml(SERVERS)}
AT_ONCE: Final = timedelta(seconds=60)
"""For the server to start, the worker to reconnect, and every fabric to start a sync."""


@dataclass(frozen=True)
class Outage:
    """The number of fabrics, their interval and the outage's length in seconds."""

    fabrics: int
    interval: int
    length: int


@pytest.fixture
async def temporal(tmp_path: Path) -> AsyncIterator[RestartableTemporal]:
    """A server that does not run yet."""
    async with restartable_temporal(tmp_path) as server:
        yield server


async def now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


async def create_fabrics(installation: Installation, outage: Outage) -> list[Fabric]:
    """Create fabrics that share one API, one repository and one credential."""
    first = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=outage.interval)
    fabrics = [first]
    for number in range(1, outage.fabrics):
        fabric_id = f"soak-{number:03}"
        fields = {
            "hh_fabric_id": fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": outage.interval,
            "hh_kubernetes_server": first.api.server,
            "hh_git_repository": first.repository.url,
            "hh_credentials": first.fabric_id,
        }
        record = await asyncio.to_thread(installation.admin.create_record, fabric_id, fields)
        handle: WorkflowHandle[FabricSync, str] = installation.client.get_workflow_handle_for(
            FabricSync.run, workflow_id(fabric_id)
        )
        fabrics.append(replace(first, fabric_id=fabric_id, record_id=record["id"], handle=handle))
    return fabrics


def get_scheduled(reports: Sequence[SyncReport]) -> list[tuple[datetime, SyncReport]]:
    """Return the reports of syncs that had a slot, each with its slot."""
    return [(report.slot, report) for report in reports if report.slot is not None]


def select_ended_after(moment: datetime, reports: Sequence[SyncReport]) -> list[SyncReport]:
    """Return the reports of syncs that ended after `moment`."""
    return [
        report for report in reports if report.started + timedelta(seconds=report.duration) > moment
    ]


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(Outage(fabrics=6, interval=5, length=12), id="short"),
        pytest.param(
            Outage(fabrics=50, interval=30, length=120), id="long", marks=pytest.mark.soak
        ),
    ],
)
async def test_outage_is_followed_by_one_sync_and_the_old_slots(
    installation: Installation, temporal: RestartableTemporal, outage: Outage
) -> None:
    step = timedelta(seconds=outage.interval)
    patience = 60 + 4 * outage.interval
    worker = AsyncExitStack()
    async with temporal.up():
        client = await connect({"TEMPORAL_ADDRESS": temporal.address})
        overrides = {
            "TEMPORAL_ADDRESS": temporal.address,
            "FABRIC_SYNC_FIRST_SYNC_SPREAD": "30",  # different slots show whether each is kept
        }
        ours = replace(installation, client=client, overrides=overrides)
        fabrics = await create_fabrics(ours, outage)
        await worker.enter_async_context(ours.worker_process())
        await wait_until(partial(only_these_run, client, fabrics), bool, patience)
        for fabric in fabrics:
            await fabric.wait_for_syncs(2, patience)
        before = [get_scheduled(await fabric.history())[-1][0] for fabric in fabrics]
    stopped = await now()  # a sync that runs now ends after the outage
    outage_end = stopped + timedelta(seconds=outage.length)
    await wait_until(now, lambda moment: moment > outage_end, outage.length + 5)
    back = await now()  # before the server starts: later, fabrics may already have caught up
    async with temporal.up():
        for fabric in fabrics:
            await wait_until(
                fabric.history,
                lambda reports: len(select_ended_after(stopped, reports)) >= 3,
                patience,
            )
        after = [
            get_scheduled(select_ended_after(stopped, await fabric.history())) for fabric in fabrics
        ]
        await worker.aclose()

    for old, syncs in zip(before, after, strict=True):
        (due, first), *later = syncs
        assert due < back
        assert first.started - back < AT_ONCE
        assert first.missed >= (outage.length - outage.interval) // outage.interval - 1
        assert all((slot - old) % step == timedelta(0) for slot, _ in syncs)
        assert later[0][0] - first.started >= step / 2
        assert all(
            following - slot == step or report.missed
            for (slot, report), (following, _) in pairwise(later)
        )
    phases = sorted(((slot - back) % step).total_seconds() for slot in before)
    again = sorted(((syncs[-1][0] - back) % step).total_seconds() for syncs in after)
    assert again == phases
    waits = [(syncs[0][1].started - back).total_seconds() for syncs in after]
    late = [
        report.lateness for syncs in after for _, report in syncs[1:] if report.lateness is not None
    ]
    figures = {
        "fabrics": outage.fabrics,
        "interval": outage.interval,
        "outage": outage.length,
        "first_sync_after_s": [round(f(waits), 2) for f in (min, statistics.median, max)],
        "later_lateness_s": [round(f(late), 3) for f in (min, statistics.median, max)],
        "widest_gap_of_phases_s": round(compute_widest_gap(phases, outage.interval), 2),
    }
    print(json.dumps(figures))


def compute_widest_gap(phases: Sequence[float], interval: float) -> float:
    """Return the longest part of the interval (seconds) in which no fabric is due."""
    ring = [*phases, phases[0] + interval]
    return max(later - earlier for earlier, later in pairwise(ring))
