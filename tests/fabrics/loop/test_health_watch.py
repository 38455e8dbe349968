"""When the agents of a fabric are read."""

from datetime import UTC, datetime, timedelta

import pytest

from fabrics.agents.health_report import Health, HealthReport
from fabrics.agents.state import AgentMemory, AgentsState
from fabrics.loop.health_watch import HealthRequest, HealthWatch
from fabrics.record.sync_status import Observation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = 300
AGENTS = AgentsState(switches={"leaf-01": AgentMemory(behind_since=1, applied=4)})


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def reading(health: Health = Health.HEALTHY, digest: str = "a") -> Observation:
    """Return the observation of a sync that has read the agents."""
    return Observation(
        started=NOW, live_digest=digest, health=HealthReport(health=health), agents=AGENTS
    )


def is_due(watch: HealthWatch, after: float) -> bool:
    """Return whether a sync so many seconds after `NOW` reads the agents."""
    request = watch.request(INTERVAL, NOW + seconds(after))
    assert request is not None
    return request.is_due


def settled(health: Health) -> HealthWatch:
    """Return a watch that read the agents now, long after the last change."""
    before = HealthWatch().after_sync(reading(), NOW - seconds(3 * INTERVAL))
    return before.after_sync(reading(health), NOW)


def test_nothing_is_requested_if_health_is_not_watched() -> None:
    assert HealthWatch().request(0, NOW) is None


def test_first_sync_reads_agents_and_the_next_one_knows_what_it_found() -> None:
    assert is_due(HealthWatch(), 0)
    watch = HealthWatch().after_sync(reading(), NOW)
    assert watch.request(INTERVAL, NOW) == HealthRequest(
        agents=AGENTS, live_digest="a", is_due=False
    )


@pytest.mark.parametrize(
    ("health", "due"), [(Health.HEALTHY, 300), (Health.DEGRADED, 300), (Health.PROGRESSING, 30)]
)
def test_agents_are_read_at_each_interval_and_sooner_while_they_apply(
    health: Health, due: int
) -> None:
    watch = settled(health)
    assert not is_due(watch, due - 3)
    assert is_due(watch, due - 1), "a sync may begin a little sooner after its slot"


def test_agents_are_read_often_for_one_interval_after_a_change() -> None:
    watch = settled(Health.HEALTHY)
    changed = Observation(started=NOW, live_digest="b")
    assert not is_due(watch, 60)
    assert is_due(watch.after_sync(changed, NOW + seconds(60)), 120)
    long_ago = settled(Health.HEALTHY).after_sync(changed, NOW - seconds(INTERVAL + 60))
    assert not is_due(long_ago, 60)


def test_agents_are_read_as_soon_as_the_api_answers_again() -> None:
    failed = Observation(started=NOW, kubernetes_error="It does not answer.")
    watch = settled(Health.HEALTHY).after_sync(failed, NOW)
    assert is_due(watch, 1)
    assert watch.agents == AGENTS
