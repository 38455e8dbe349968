"""One fabric that a real worker syncs, and all counters of its cycles."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.installation.counting_proxy import CountingProxy
from bench.installation.cycle_cost import Snapshot, Window
from bench.installation.loop_probe import LoopProbe
from bench.installation.worker_process import WorkerProcess
from stack.kubernetes.base import KubernetesApi

MEASURED_AT: Final = 0.75
"""Where in an interval, as a share, cycles are told apart: syncs have ended, and none is near."""


@dataclass(frozen=True)
class MeasuredFabric:
    """A fabric that a worker syncs through proxies, by source."""

    probe: LoopProbe
    api: KubernetesApi
    worker: WorkerProcess
    proxies: Mapping[str, CountingProxy]
    interval: int

    def take_snapshot(self) -> Snapshot:
        """Return all counters at this moment."""
        return Snapshot(
            moment=datetime.now(UTC),
            cpu_seconds=self.worker.read_cpu_seconds(),
            traffic={name: proxy.read_traffic() for name, proxy in self.proxies.items()},
        )

    async def wait_between_cycles(self) -> None:
        """Wait for the quiet part of an interval, with no inventory being written."""
        await self.probe.wait_for_inventory()
        status = await self.probe.wait_for(lambda status: status.sync_status != "syncing")
        assert status.next_sync is not None  # noqa: S101  it is enabled
        await self._sleep_until(status.next_sync - (1 - MEASURED_AT) * self._period)

    async def sleep_for_cycles(self, cycles: int) -> None:
        """Sleep for this many intervals."""
        await asyncio.sleep(cycles * self.interval)

    async def measure_window(self, start: Snapshot) -> Window:
        """Return what happened since `start`, as soon as all of it has ended."""
        end = self.take_snapshot()
        since, until = start.moment, end.moment
        reports = await self.probe.query_reports()
        cycles = sum(report.slot is not None and since <= report.slot < until for report in reports)
        return Window(start, end, cycles, await self.probe.fetch_events(since, until))

    @property
    def _period(self) -> timedelta:
        return timedelta(seconds=self.interval)

    async def _sleep_until(self, moment: datetime) -> None:
        while moment < (now := datetime.now(UTC)):
            moment += self._period
        await asyncio.sleep((moment - now).total_seconds())
