"""A storm is one message a target and state, and a dead target delays nothing.

Slots are missed, too, if other programs leave this one no processor for an interval.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from temporalio.client import WorkflowHandle

from bench.measure.figures import summarize_lateness
from fabrics.fleet.notifications import notifications_workflow_id
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

FAILING: Final = 40
HEALTHY: Final = 10
INTERVAL: Final = 15
ROUND_INTERVAL: Final = 30
FAILED_SYNCS: Final = 40
"""Those of ten minutes."""

SETTLING_SYNCS: Final = 4
"""Syncs of each fabric after which nothing is left of the fleet's start."""

PATIENCE: Final = 1200
"""Seconds for all that follows from the storm or from its end, on a slow machine."""


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


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_storm_is_one_message_a_target_and_state_and_a_dead_target_delays_nothing(
    installation: Installation, tmp_path: Path, live: Receiver, dead: Receiver
) -> None:
    installation.overrides |= {
        "FABRIC_SYNC_NOTIFICATIONS_FILE": str(write_targets(tmp_path, live=live, dead=dead)),
        "FABRIC_SYNC_FLEET_INTERVAL": str(ROUND_INTERVAL),
        "FABRIC_SYNC_FIRST_SYNC_SPREAD": str(INTERVAL),
    }
    failing = (await create_group(installation, FAILING, INTERVAL)).fabrics
    fabrics = failing + (await create_group(installation, HEALTHY, INTERVAL)).fabrics
    api = failing[0].api
    assert isinstance(api, EmulatedKubernetesApi)
    all_run = partial(only_these_run, installation.client, fabrics)
    wait_until_told = partial(wait_until_live_target_was_told, installation)
    async with installation.worker_process():
        await wait_until(all_run, bool, PATIENCE)
        await wait_for_more_syncs(fabrics, SETTLING_SYNCS)
        settled = datetime.now(UTC)
        await wait_for_more_syncs(fabrics, SETTLING_SYNCS)
        await wait_until_told(0)
        before = await summarize_slots(fabrics, settled)

        began = datetime.now(UTC)
        api.inject_fault(BrokenConnection())
        await wait_for_more_syncs(failing, FAILED_SYNCS)
        await wait_until_told(FAILING)
        during = await summarize_slots(fabrics, began)

        ended = datetime.now(UTC)
        api.clear_faults()
        await wait_until_told(0)
        await wait_for_round(installation)
        await wait_until_told(0)
        after = await summarize_slots(fabrics, ended)

    events = live.parse_events()
    figures = {
        "slots": {"before": before, "during": during, "after": after},
        "seconds_to_message": [
            (datetime.fromisoformat(event["timestamp"]) - moment).total_seconds()
            for event, moment in zip(events, (began, ended), strict=False)
        ],
        "titles": [event["data"]["title"] for event in events],
        "attempts_at_dead_target": len(dead.received),
    }
    print(json.dumps(figures))
    names = sorted(fabric.fabric_id for fabric in failing)
    assert list(map(list_told, events)) == [("error", names), ("in_sync", names)]
    assert len({received.headers["webhook-id"] for received in dead.received}) == 1
    assert [slots["missed"] for slots in (before, during, after)] == [0, 0, 0]


async def wait_for_more_syncs(fabrics: Sequence[Fabric], times: int) -> None:
    """Wait until each has done this many more syncs."""
    counts = [(await fabric.status()).syncs for fabric in fabrics]
    for fabric, syncs in zip(fabrics, counts, strict=True):
        await fabric.wait_for_syncs(syncs + times, PATIENCE)


async def wait_until_live_target_was_told(installation: Installation, fabrics: int) -> None:
    """Wait until the live target knows this many in trouble, and all other news."""
    target: WorkflowHandle[FabricNotifications, None] = installation.client.get_workflow_handle_for(
        FabricNotifications.run, notifications_workflow_id("live")
    )
    await wait_until(
        partial(query_until_answered, target, FabricNotifications.summary),
        lambda summary: (summary.told, summary.waiting) == (fabrics, 0),
        PATIENCE,
    )


async def summarize_slots(
    fabrics: Sequence[Fabric], since: datetime
) -> dict[str, float | int | None]:
    """Count syncs in slots since then, and missed slots; say how late they were."""
    histories = [await fabric.history() for fabric in fabrics]
    reports = [
        report for history in histories for report in history if report.slot and report.slot > since
    ]
    lateness = [report.lateness for report in reports if report.lateness is not None]
    missed = sum(report.missed for report in reports)
    return {"syncs": len(reports), "missed": missed} | summarize_lateness(lateness)


def list_told(event: dict[str, Any]) -> tuple[str, list[str]]:
    """Return the state that a message is about, and its fabrics."""
    return event["data"]["state"], [news["fabric_id"] for news in event["data"]["fabrics"]]
