"""A storm is one message a target and state, and a dead target delays nothing."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from temporalio.client import WorkflowHandle

from bench.measure.figures import summarize_lateness
from fabrics.fleet.notifications import TargetSummary, notifications_workflow_id
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import BrokenConnection
from tests.support.notifications.receiver import Receiver, receiver, write_targets
from tests.support.soak.fleet import create_group
from tests.support.system.fleet import only_these_run, wait_for_round
from tests.support.system.installation import (
    Fabric,
    Installation,
    query_until_answered,
    wait_until,
)
from workflows.notifications import FabricNotifications

BASELINE_SYNCS: Final = 4


@dataclass(frozen=True)
class Storm:
    """The number of fabrics that fail, of those that stay well, and of failed syncs.

    `interval` is that of syncs and `round_interval` that of the fleet's rounds, in seconds.
    """

    failing: int
    healthy: int
    syncs: int
    interval: int
    round_interval: int

    @property
    def patience(self) -> float:
        """Seconds within which the storm, or what follows from it, is over."""
        return 120 + (self.syncs + 4) * self.interval + 4 * self.round_interval


@pytest.fixture
def live() -> Iterator[Receiver]:
    """A target that takes messages."""
    with receiver() as running:
        yield running


@pytest.fixture
def dead() -> Iterator[Receiver]:
    """A target that accepts connections and never answers."""
    with receiver() as running, running.silence():
        yield running


@pytest.mark.parametrize(
    "storm",
    [
        pytest.param(
            Storm(failing=5, healthy=1, syncs=4, interval=5, round_interval=2), id="short"
        ),
        pytest.param(
            Storm(failing=40, healthy=10, syncs=40, interval=15, round_interval=30),
            id="long",
            marks=[pytest.mark.soak, pytest.mark.timeout(3600)],
        ),
    ],
)
async def test_storm_is_one_message_a_target_and_state_and_a_dead_target_delays_nothing(
    installation: Installation, tmp_path: Path, live: Receiver, dead: Receiver, storm: Storm
) -> None:
    installation.overrides |= {
        "FABRIC_SYNC_NOTIFICATIONS_FILE": str(write_targets(tmp_path, live=live, dead=dead)),
        "FABRIC_SYNC_FLEET_INTERVAL": str(storm.round_interval),
        "FABRIC_SYNC_FIRST_SYNC_SPREAD": str(storm.interval),
    }
    failing = (await create_group(installation, storm.failing, storm.interval)).fabrics
    healthy = (await create_group(installation, storm.healthy, storm.interval)).fabrics
    api = failing[0].api
    assert isinstance(api, EmulatedKubernetesApi)
    wait_until_told = partial(wait_until_target_knows, installation, "live", storm.patience)
    async with installation.worker_process():
        all_run = partial(only_these_run, installation.client, failing + healthy)
        await wait_until(all_run, bool, storm.patience)
        await wait_for_more_syncs(failing + healthy, BASELINE_SYNCS, storm.patience)
        settled = datetime.now(UTC)
        await wait_for_more_syncs(failing + healthy, BASELINE_SYNCS, storm.patience)
        await wait_until_told(0)
        before = await summarize_slots(failing + healthy, settled)

        begun = datetime.now(UTC)
        api.inject_fault(BrokenConnection())
        await wait_for_more_syncs(failing, storm.syncs, storm.patience)
        await wait_until_told(storm.failing)
        during = [await summarize_slots(fabrics, begun) for fabrics in (failing, healthy)]

        ended = datetime.now(UTC)
        api.clear_faults()
        await wait_until_told(0)
        await wait_for_round(installation)
        await wait_until_told(0)
        after = await summarize_slots(failing + healthy, ended)

    figures = {
        "slots": {"before": before, "failing": during[0], "healthy": during[1], "after": after},
        "live": [describe(event) for event in parse_events(live)],
        "dead": [describe(event) for event in parse_events(dead)],
        "begun": begun.isoformat(),
        "ended": ended.isoformat(),
    }
    print(json.dumps(figures))
    assert [event["data"]["state"] for event in parse_events(live)] == ["error", "in_sync"]
    for event in parse_events(live):
        named = [news["fabric_id"] for news in event["data"]["fabrics"]]
        assert named == sorted(fabric.fabric_id for fabric in failing)
    assert {event["data"]["state"] for event in parse_events(dead)} == {"error"}
    assert len({received.headers["webhook-id"] for received in dead.received}) == 1
    assert [slots["missed"] for slots in (before, *during, after)] == [0, 0, 0, 0]


async def wait_for_more_syncs(fabrics: Sequence[Fabric], times: int, seconds: float) -> None:
    """Wait until each has done this many more syncs."""
    counts = [(await fabric.status()).syncs for fabric in fabrics]
    for fabric, syncs in zip(fabrics, counts, strict=True):
        await fabric.wait_for_syncs(syncs + times, seconds)


async def wait_until_target_knows(
    installation: Installation, target: str, seconds: float, told: int
) -> TargetSummary:
    """Wait until nothing is news to a target that was told of so many fabrics in trouble."""
    handle: WorkflowHandle[FabricNotifications, None] = installation.client.get_workflow_handle_for(
        FabricNotifications.run, notifications_workflow_id(target)
    )
    return await wait_until(
        partial(query_until_answered, handle, FabricNotifications.summary),
        lambda summary: (summary.told, summary.waiting) == (told, 0),
        seconds,
    )


async def summarize_slots(
    fabrics: Sequence[Fabric], since: datetime
) -> dict[str, float | int | None]:
    """Count the syncs in slots since then and the missed ones; say how late they were."""
    histories = [await fabric.history() for fabric in fabrics]
    reports = [
        report for history in histories for report in history if report.slot and report.slot > since
    ]
    lateness = [report.lateness for report in reports if report.lateness is not None]
    missed = sum(report.missed for report in reports)
    return {"syncs": len(reports), "missed": missed} | summarize_lateness(lateness)


def parse_events(target: Receiver) -> list[dict[str, Any]]:
    """Return what a target received, repeated attempts included."""
    return [json.loads(received.body) for received in target.received]


def describe(event: dict[str, Any]) -> str:
    """Return when a message was made, and its title."""
    return f"{event['timestamp']} {event['data']['title']}"
