"""Rounds tell the workflows of targets the states, with a real Temporal server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from sys import prefix

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.fleet.announcements import FleetAnnouncements
from fabrics.fleet.notifications import notifications_workflow_id
from fabrics.fleet.states import FleetStates, StateGroup

pytestmark = pytest.mark.server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNALED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a server without workers, so that signals stay in the histories."""
    async with await WorkflowEnvironment.start_local(
        data_converter=pydantic_data_converter,
        dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
    ) as env:
        yield env.client


def states(state: str, now: datetime = NOW) -> FleetStates:
    """Return what a round found of one fabric."""
    group = StateGroup(state=state, interval=60, fabrics=("dc1",))
    return FleetStates(checked=now, round_interval=30, groups=(group,))


def write_targets(folder: Path, *names: str) -> Path:
    """Write a file with these targets, and return its path."""
    file = folder / "targets.toml"
    file.write_text("".join(f'[{name}]\napprise_file = "{name}"\n' for name in names))
    return file


async def count_signals(client: Client, target: str) -> int:
    """Return how often a target's workflow was told states; 0 if there is none."""
    handle = client.get_workflow_handle(notifications_workflow_id(target))
    try:
        history = await handle.fetch_history()
    except RPCError:
        return 0
    return sum(event.event_type == SIGNALED for event in history.events)


async def test_each_target_is_told_states_that_are_new(client: Client, tmp_path: Path) -> None:
    announcements = FleetAnnouncements(client, "nobody", write_targets(tmp_path, "ops", "chat"))
    announced, problems = await announcements.announce(states("in_sync"), "")
    assert problems == []
    for _ in range(3):
        same = states("in_sync", NOW + timedelta(hours=1))
        assert await announcements.announce(same, announced) == (announced, [])
    assert [await count_signals(client, name) for name in ("ops", "chat")] == [1, 1]
    changed, _ = await announcements.announce(states("error"), announced)
    assert changed != announced
    assert [await count_signals(client, name) for name in ("ops", "chat")] == [2, 2]


async def test_new_target_is_told_at_once(client: Client, tmp_path: Path) -> None:
    announcements = FleetAnnouncements(client, "nobody", write_targets(tmp_path, "ops"))
    announced, _ = await announcements.announce(states("error"), "")
    write_targets(tmp_path, "ops", "chat")
    await announcements.announce(states("error"), announced)
    assert await count_signals(client, "chat") == 1


async def test_broken_file_is_a_problem_of_the_round_and_tried_again(
    client: Client, tmp_path: Path
) -> None:
    file = write_targets(tmp_path, "ops")
    announcements = FleetAnnouncements(client, "nobody", file)
    announced, _ = await announcements.announce(states("in_sync"), "")
    file.write_text("[ops")
    kept, [problem] = await announcements.announce(states("error"), announced)
    assert kept == announced
    assert f"The targets of notifications in {file} are not usable" in problem
    write_targets(tmp_path, "ops")
    await announcements.announce(states("error"), kept)
    assert await count_signals(client, "ops") == 2


async def test_without_a_file_nobody_is_told(client: Client) -> None:
    announcements = FleetAnnouncements(client, "nobody", None)
    assert await announcements.announce(states("error"), "") == ("", [])
