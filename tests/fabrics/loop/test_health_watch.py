"""When the agents of a fabric are read."""

from datetime import UTC, datetime, timedelta

import pytest

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health, HealthReport
from fabrics.agents.state import AgentMemory, AgentsState, BehindAgent, LastHeartbeat
from fabrics.loop.health_watch import HealthRequest, HealthWatch
from fabrics.record.sync_status import Observation

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
INTERVAL = 300
AGENTS = AgentsState(switches=AgentMemory(behind={"leaf-01": BehindAgent(1, 4)}))


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def reading(health: Health = Health.HEALTHY, digest: str = "a") -> Observation:
    """Return the observation of a sync that has read the agents."""
    return Observation(started=NOW, live_digest=digest, health=assessment(health))


def assessment(health: Health = Health.HEALTHY) -> HealthAssessment:
    return HealthAssessment(report=HealthReport(health=health), agents=AGENTS)


def is_due(watch: HealthWatch, after: float) -> bool:
    """Return whether a sync so many seconds after `NOW` reads the agents."""
    request = watch.request(INTERVAL, NOW + seconds(after))
    assert request is not None
    return request.is_due


def settled(health: Health) -> HealthWatch:
    """Return a watch that read the agents now, long after the last change."""
    before = HealthWatch().after_sync(
        reading(), NOW - seconds(3 * INTERVAL), NOW - seconds(3 * INTERVAL)
    )
    return before.after_sync(reading(health), NOW, NOW)


def test_nothing_is_requested_if_health_is_not_watched() -> None:
    assert HealthWatch().request(0, NOW) is None


def test_first_sync_reads_agents_and_the_next_one_knows_what_it_found() -> None:
    assert is_due(HealthWatch(), 0)
    watch = HealthWatch().after_sync(reading(), NOW, NOW)
    assert watch.request(INTERVAL, NOW) == HealthRequest(
        agents=AGENTS, live_digest="a", is_due=False
    )


@pytest.mark.parametrize(
    ("health", "due"), [(Health.HEALTHY, 300), (Health.DEGRADED, 300), (Health.PROGRESSING, 60)]
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
    assert is_due(watch.after_sync(changed, NOW + seconds(60), NOW + seconds(60)), 120)
    long_ago = settled(Health.HEALTHY).after_sync(
        changed, NOW - seconds(INTERVAL + 60), NOW - seconds(INTERVAL + 60)
    )
    assert not is_due(long_ago, 60)


def test_fabric_that_progresses_for_ever_is_read_at_each_interval_in_the_end() -> None:
    watch, gaps, now = settled(Health.HEALTHY), [], NOW
    for _ in range(15):
        due = watch.find_next_reading(INTERVAL)
        assert due is not None
        gaps.append((due - now).total_seconds())
        now, watch = due, watch.after_reading(assessment(Health.PROGRESSING), due)
    assert gaps == [300, *[60] * 10, *[300] * 4]


def test_agents_are_read_as_soon_as_the_api_answers_again() -> None:
    failed = Observation(started=NOW, kubernetes_error="It does not answer.")
    watch = settled(Health.HEALTHY).after_sync(failed, NOW, NOW)
    assert is_due(watch, 1)
    assert watch.agents == AGENTS
    assert watch.find_next_reading(INTERVAL) is None, "a sync has to find that out"


def test_agents_that_nobody_may_read_are_tried_by_syncs_alone() -> None:
    watch = settled(Health.UNKNOWN)
    assert watch.find_next_reading(INTERVAL) is None
    assert is_due(watch, 300)


def test_heartbeats_from_before_a_failure_of_the_api_prove_no_silence() -> None:
    last = AgentMemory(heartbeats={"leaf-01": LastHeartbeat(7, 100)})
    watch = HealthWatch(agents=AgentsState(switches=last, gateways=last))
    failed = Observation(started=NOW, kubernetes_error="It does not answer.")
    assert watch.after_sync(failed, NOW, NOW).agents == AgentsState()


def test_reading_between_syncs_that_failed_is_tried_again_an_interval_later() -> None:
    watch = settled(Health.HEALTHY)
    assert watch.find_next_reading(INTERVAL) == NOW + seconds(300)
    watch = watch.after_failure(INTERVAL, NOW + seconds(301))
    assert watch.find_next_reading(INTERVAL) == NOW + seconds(601)
    assert is_due(watch, 360), "a sync tries it again"
    watch = watch.after_reading(assessment(), NOW + seconds(601))
    assert watch.find_next_reading(INTERVAL) == NOW + seconds(901)


def test_health_is_outdated_after_two_intervals() -> None:
    watch = settled(Health.HEALTHY)
    assert not watch.is_outdated(INTERVAL, NOW + seconds(600))
    assert watch.is_outdated(INTERVAL, NOW + seconds(603))
    assert HealthWatch().is_outdated(INTERVAL, NOW)


def test_switches_with_the_same_heartbeat_in_two_readings_are_quiet() -> None:
    heartbeats = {"leaf-01": LastHeartbeat(7, 100), "leaf-02": LastHeartbeat(7, 100, 30)}
    agents = AgentsState(switches=AgentMemory(heartbeats=heartbeats))
    assert HealthWatch(agents=agents).quiet_switches == ("leaf-02",)


def test_breakouts_that_a_pass_finds_during_a_reading_are_kept() -> None:
    mismatch = BreakoutMismatch("leaf-01", "E1/5", "4x25G", "1x100G")
    watch = HealthWatch().with_breakouts((mismatch,)).after_sync(reading(), NOW, NOW)
    assert watch.with_breakouts((mismatch,)).agents.breakouts == (mismatch,)
