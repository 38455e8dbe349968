"""What is said at the end of syncs and passes: one line, and metrics."""

import logging
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig
from temporalio.testing import WorkflowEnvironment

from fabrics.inventory.report.report import FindingType, InventoryOutcome, InventoryReport
from tests.support.workflows.loop_environment import (
    LoopEnvironment,
    RunningLoop,
    config,
    loop,
)

PREFIX = "fabric_sync_"
SYNC = "Sync ended"
PASS = "Inventory pass ended"


class Measured(NamedTuple):
    """The metrics of a process, by name and labels of their own."""

    buffer: MetricBuffer
    totals: Counter[str]

    def read(self) -> Counter[str]:
        """Return how much was counted, and how often durations were recorded, so far."""
        for update in self.buffer.retrieve_updates():
            name = update.metric.name
            if name.startswith(PREFIX):
                labels = update.attributes
                own = {key: labels[key] for key in ("result", "trigger") if key in labels}
                key = " ".join([name.removeprefix(PREFIX), *map(str, own.values())])
                is_count = name.endswith("_total")
                self.totals[key] += int(update.value) if is_count else 1
        return self.totals


@pytest.fixture
def measured() -> Measured:
    """What the workers of this test measure."""
    return Measured(MetricBuffer(100_000), Counter())


@pytest.fixture
async def env(measured: Measured) -> AsyncIterator[WorkflowEnvironment]:
    """A server that skips time, and a client that measures."""
    server = shutil.which("temporal-test-server", path=str(Path(sys.executable).parent))
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=server,
        test_server_startup_timeout=timedelta(minutes=1),
        data_converter=pydantic_data_converter,
        runtime=Runtime(telemetry=TelemetryConfig(metrics=measured.buffer)),
    ) as environment:
        yield environment


def find_lines(caplog: pytest.LogCaptureFixture, beginning: str) -> list[logging.LogRecord]:
    """Return the log lines that begin so."""
    return [record for record in caplog.records if record.getMessage().startswith(beginning)]


async def wait_for_syncs(running: RunningLoop, number: int) -> None:
    """Skip time until so many syncs have ended."""
    while (await running.status()).syncs < number:
        await running.sleep(1)


async def test_each_sync_is_one_line_with_its_context(
    env: WorkflowEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with loop(env, LoopEnvironment(config(), drift_count=2)) as running:
        await wait_for_syncs(running, 2)
        reports = await running.history()
    lines = find_lines(caplog, SYNC)
    assert [line.__dict__["sync"] for line in lines[:2]] == [1, 2]
    for line, report in zip(lines, reports, strict=False):
        context = line.__dict__
        assert (context["result"], context["drift"]) == ("out_of_sync", 2)
        assert context["commit"] == "c0ffee"
        assert context["duration_seconds"] == report.duration
        assert context["lateness_seconds"] == report.lateness
        assert (line.levelno, line.getMessage().partition(" (")[0]) == (logging.INFO, "Sync ended.")


async def test_syncs_are_counted_and_measured_once(
    env: WorkflowEnvironment, measured: Measured
) -> None:
    async with loop(env, LoopEnvironment(config())) as running:
        await wait_for_syncs(running, 2)
        syncs = (await running.status()).syncs
    totals = measured.read()
    assert totals["syncs_total in_sync initial"] == 1
    assert totals["syncs_total in_sync schedule"] == syncs - 1
    assert totals["sync_duration"] == syncs
    assert totals["sync_lateness"] == syncs - 1
    assert totals["missed_slots_total"] == 0


async def test_failed_sync_is_a_warning_that_says_why(
    env: WorkflowEnvironment, measured: Measured, caplog: pytest.LogCaptureFixture
) -> None:
    async with loop(env, LoopEnvironment(config(), silent=True)) as running:
        await wait_for_syncs(running, 1)
    [line, *_] = find_lines(caplog, SYNC)
    assert line.levelno == logging.WARNING
    assert line.getMessage().startswith("Sync ended: It does not answer.")
    assert line.__dict__["result"] == "error"
    assert measured.read()["syncs_total error initial"] == 1


async def test_missed_slots_are_counted(env: WorkflowEnvironment, measured: Measured) -> None:
    environment = LoopEnvironment(config(), observe_duration=timedelta(minutes=3))
    async with loop(env, environment) as running:
        await wait_for_syncs(running, 1)
        missed = (await running.status()).missed
    assert missed > 0
    assert measured.read()["missed_slots_total"] == missed


@pytest.mark.parametrize(
    ("report", "withheld", "result", "level"),
    [
        (InventoryReport(created=3, unchanged=4), "", "written", logging.INFO),
        (InventoryReport(unchanged=7), "", "unchanged", logging.INFO),
        (InventoryReport(problems={FindingType.FAILED: 1}), "", "refused", logging.INFO),
        (InventoryReport(), "the list is empty.", "withheld", logging.WARNING),
    ],
    ids=["written", "unchanged", "refused", "withheld"],
)
async def test_each_pass_over_an_inventory_is_one_line(
    env: WorkflowEnvironment,
    measured: Measured,
    *,
    caplog: pytest.LogCaptureFixture,
    report: InventoryReport,
    withheld: str,
    result: str,
    level: int,
) -> None:
    caplog.set_level(logging.INFO)
    outcome = InventoryOutcome(live_digest="", report=report, withheld=withheld)
    async with loop(env, LoopEnvironment(config(), inventory_outcome=outcome)) as running:
        while not find_lines(caplog, PASS):
            await running.sleep(1)
    [line, *_] = find_lines(caplog, PASS)
    assert (line.levelno, line.__dict__["result"], line.__dict__["sync"]) == (level, result, 1)
    assert line.__dict__["written"] == report.created
    assert measured.read()[f"inventory_passes_total {result}"] >= 1


async def test_failed_pass_says_why(
    env: WorkflowEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    async with loop(env, LoopEnvironment(config(), inventory_error="NetBox is down.")) as running:
        while not find_lines(caplog, PASS):
            await running.sleep(1)
    [line, *_] = find_lines(caplog, PASS)
    assert (line.levelno, line.__dict__["result"]) == (logging.WARNING, "failed")
    assert "NetBox is down." in line.getMessage()
