"""Temporal is gone for a while: every fabric then syncs once at once, and goes on with its own old slots."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter

from fabrics.loop.loop import workflow_id
from fabrics.loop.report import SyncReport
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.fleet import loops_of
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until
from tests.support.system.tcp_proxy import Proxy
from workflows.fabric_sync import FabricSync

IN_GIT: Final = {"fabric.yaml": in_yaml(SERVERS)}
NUMBERS: Final = count(1)
AT_ONCE: Final = timedelta(seconds=20)
"""Within which every fabric has begun to catch up: the server starts, and the worker has to notice it."""


@dataclass
class Temporal:
    """A server that can be stopped and started, always found at one address."""

    folder: Path
    proxy: Proxy

    @asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """The server runs, on the state that it had before."""
        logs = self.folder / f"temporal-{next(NUMBERS)}"
        logs.mkdir()
        with closing(Supervisor(logs)) as supervisor:
            database = self.folder / "temporal.db"
            server = await asyncio.to_thread(start_temporal, supervisor, database)
            there = Proxy(int(server.address.rpartition(":")[2]))
            there.port = self.proxy.port
            self.proxy = there
            await there.connect()
            try:
                yield
            finally:
                await there.cut()
                await asyncio.to_thread(supervisor.close)

    @property
    def address(self) -> str:
        """Where workers and tests find it."""
        return f"127.0.0.1:{self.proxy.port}"


@dataclass(frozen=True)
class Outage:
    """So many fabrics with this interval live through an outage of that length, both in seconds."""

    fabrics: int
    interval: int
    length: int


async def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


async def records(installation: Installation, outage: Outage) -> list[Fabric]:
    """Fabrics that share one API, one repository and one credential."""
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


def scheduled(reports: Sequence[SyncReport]) -> list[tuple[datetime, SyncReport]]:
    """Those syncs that had a slot, with it."""
    return [(report.slot, report) for report in reports if report.slot is not None]


@pytest.mark.parametrize(
    "outage",
    [
        pytest.param(Outage(fabrics=6, interval=5, length=12), id="short", marks=pytest.mark.alone),
        pytest.param(
            Outage(fabrics=50, interval=30, length=120), id="long", marks=pytest.mark.soak
        ),
    ],
)
async def test_after_an_outage_every_fabric_syncs_once_and_is_on_its_old_slots(
    installation: Installation, tmp_path: Path, outage: Outage
) -> None:
    temporal, step = Temporal(tmp_path, Proxy(0)), timedelta(seconds=outage.interval)
    patience = 60 + 4 * outage.interval
    worker = AsyncExitStack()
    async with temporal.up():
        client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
        changes = {"TEMPORAL_ADDRESS": temporal.address}
        ours = replace(installation, client=client, changes=changes)
        fabrics = await records(ours, outage)
        await worker.enter_async_context(ours.worker())
        await until(partial(loops_of, client, fabrics), bool, patience)
        for fabric in fabrics:
            await fabric.synced(2, patience)
        before = [scheduled(await fabric.history())[-1][0] for fabric in fabrics]
        stopped = await now()
    until_then = stopped + timedelta(seconds=outage.length)
    await until(now, lambda moment: moment > until_then, outage.length + 5)
    back = await now()  # not once the server is up: a quick worker's fabrics have then caught up
    async with temporal.up():
        for fabric in fabrics:
            await until(
                fabric.history,
                lambda reports: len([r for r in reports if r.started > back]) >= 3,
                patience,
            )
        after = [
            [
                (slot, report)
                for slot, report in scheduled(await fabric.history())
                if report.started > back
            ]
            for fabric in fabrics
        ]
        await worker.aclose()

    for old, syncs in zip(before, after, strict=True):
        (due, first), *later = syncs
        assert due < back
        assert first.started - back < AT_ONCE
        assert first.missed >= (outage.length - outage.interval) // outage.interval - 1
        assert all((slot - old) % step == timedelta(0) for slot, _ in syncs)
        assert later[0][0] - first.started >= step / 2
        assert [report.missed for _, report in later] == [0] * len(later)
        assert all(report.started - slot < timedelta(seconds=2) for slot, report in later)
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
        "widest_gap_of_phases_s": round(widest_gap(phases, outage.interval), 2),
    }
    print(json.dumps(figures))


def widest_gap(phases: Sequence[float], interval: float) -> float:
    """Seconds of the interval in which no fabric is due."""
    ring = [*phases, phases[0] + interval]
    return max(later - earlier for earlier, later in pairwise(ring))
