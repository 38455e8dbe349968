"""The health that observations find, with emulated agents and their own clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from activities.observe import FabricActivities, ObserveRequest
from fabrics.agents.health_report import Health, HealthReport
from fabrics.loop.health_watch import HealthWatch
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.demo.fabrics import SAMPLE_FABRICS, make_in_sync_objects
from stack.kubernetes.agents.behaviour import (
    CRASH_LOOP,
    HEALTHY,
    SKEWED_CLOCK,
    SLOW_APPLY,
    STOPPED,
    AgentBehaviour,
)
from stack.kubernetes.agents.objects import SECRET_MARK
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.kubernetes.faults import Fault

OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")
INTERVAL = 300
SYNC_INTERVAL = 60
LAST_ATTEMPT = timedelta(hours=1)
GATEWAY = {
    "apiVersion": "gateway.githedgehog.com/v1alpha1",
    "kind": "Gateway",
    "metadata": {"name": "gateway-1", "namespace": "default"},
    "spec": {},
}


@dataclass
class Clock:
    """The time of the API, of the agents and of Temporal, which a test sets."""

    now: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Loop:
    """Syncs a fabric as its loop does, and remembers what that remembers."""

    api: EmulatedKubernetesApi
    clock: Clock
    activities: FabricActivities
    config: FabricConfig
    watch: HealthWatch = field(default_factory=HealthWatch)

    def sync(self) -> Observation:
        """Observe the fabric once."""
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, started_time=self.clock.now)
        request = ObserveRequest(
            config=self.config, health=self.watch.request(INTERVAL, self.clock.now)
        )
        observation: Observation = environment.run(self.activities.observe, request)
        assert observation.error == ""
        self.watch = self.watch.after_sync(observation, self.clock.now, self.clock.now)
        return observation

    def sync_for(self, seconds: int) -> list[HealthReport]:
        """Sync every minute for so long; return the reports of the syncs that had one."""
        reports = []
        for _ in range(seconds // SYNC_INTERVAL):
            self.clock.now += timedelta(seconds=SYNC_INTERVAL)
            reports.append(self.read())
        return [report for report in reports if report]

    def read(self) -> HealthReport | None:
        """Observe the fabric once; return the health if that was read."""
        health = self.sync().health
        return health.report if health else None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def loop(clock: Clock, credential: Path, settings: Settings) -> Iterator[Loop]:
    """The loop of Oslo, whose agents may be read."""
    with kubernetes_emulator(clock=clock) as api:
        api.write_credential(credential)
        api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
        api.apply_all(make_in_sync_objects(OSLO.read_desired()))
        target = KubernetesTarget(
            server=api.server, namespace="default", credential=credential.name
        )
        config = FabricConfig(
            fabric_id="oslo", name="Oslo", record_id=1, enabled=True, kubernetes=target
        )
        yield Loop(api, clock, FabricActivities(settings), config)


@pytest.fixture
def agents(loop: Loop) -> AgentSimulation:
    return loop.api.run_agents()


@pytest.mark.usefixtures("agents")
def test_fabric_whose_agents_have_applied_everything_is_healthy_and_read_at_each_interval(
    loop: Loop,
) -> None:
    first = loop.read()
    assert first is not None
    assert first.health is Health.HEALTHY, first.message
    loop.sync_for(INTERVAL)
    reports = loop.sync_for(2 * INTERVAL)
    assert [report.health for report in reports] == [Health.HEALTHY] * 2
    assert reports[0] == reports[1], "no message changes by itself"


@pytest.mark.parametrize(
    "behaviour",
    [CRASH_LOOP, replace(CRASH_LOOP, clock_offset=SKEWED_CLOCK.clock_offset)],
    ids=["crash loop", "crash loop with a wrong clock"],
)
def test_stuck_switch_is_degraded_within_two_intervals_and_healthy_once_it_has_applied(
    loop: Loop, agents: AgentSimulation, behaviour: AgentBehaviour
) -> None:
    loop.sync()
    agents.set_behaviour("leaf-01", behaviour)
    agents.update_spec("leaf-01")
    reports = loop.sync_for(2 * INTERVAL)
    assert reports[-1].health is Health.DEGRADED
    assert "leaf-01 (generation 1 instead of 2 since" in reports[-1].message
    agents.set_behaviour("leaf-01", HEALTHY)
    assert loop.sync_for(INTERVAL)[-1].health is Health.HEALTHY


def test_apply_of_ten_minutes_is_never_taken_for_silence(
    loop: Loop, agents: AgentSimulation
) -> None:
    loop.sync()
    agents.set_behaviour("leaf-01", SLOW_APPLY)
    agents.update_spec("leaf-01")
    reports = loop.sync_for(20 * 60)
    assert not [report for report in reports if "heartbeat" in report.message]
    assert reports[-1].health is Health.HEALTHY


@pytest.mark.parametrize(
    "clock_offset", [timedelta(), timedelta(hours=-7), timedelta(hours=7)], ids=str
)
@pytest.mark.parametrize(
    "silent_for", [timedelta(), timedelta(hours=9), timedelta(days=9)], ids=str
)
def test_silent_switch_is_degraded_within_two_intervals(
    loop: Loop, agents: AgentSimulation, clock_offset: timedelta, silent_for: timedelta
) -> None:
    """Also if it was silent before the first reading, whatever its clock says."""
    agents.set_behaviour("leaf-01", AgentBehaviour(clock_offset=clock_offset))
    loop.clock.now += LAST_ATTEMPT
    loop.sync_for(SYNC_INTERVAL)
    agents.set_behaviour("leaf-01", replace(STOPPED, clock_offset=clock_offset))
    loop.clock.now += silent_for
    report = loop.sync_for(2 * INTERVAL)[-1]
    assert report.health is Health.DEGRADED
    assert "1 of 5 devices sent no heartbeat for 3 minutes or more: leaf-01" in report.message
    agents.set_behaviour("leaf-01", AgentBehaviour(clock_offset=clock_offset))
    assert loop.sync_for(INTERVAL)[-1].health is Health.HEALTHY


def test_attempt_explains_silence_until_it_is_a_quarter_of_an_hour_old(
    loop: Loop, agents: AgentSimulation
) -> None:
    loop.sync()
    agents.set_behaviour("leaf-01", STOPPED)
    reports = loop.sync_for(4 * INTERVAL)
    assert reports[-2].health is Health.HEALTHY
    assert reports[-1].health is Health.DEGRADED


@pytest.mark.parametrize("heartbeat_interval", [None, timedelta(seconds=15)])
def test_gateway_is_silent_only_if_it_has_sent_heartbeats(
    loop: Loop, heartbeat_interval: timedelta | None
) -> None:
    loop.api.apply(GATEWAY)
    agents = loop.api.run_agents()
    behaviour = AgentBehaviour(heartbeat_interval=heartbeat_interval)
    agents.set_behaviour("gateway-1", behaviour)
    assert loop.sync_for(3 * INTERVAL)[-1].health is Health.HEALTHY
    agents.set_behaviour("gateway-1", replace(behaviour, runs=False))
    reports = loop.sync_for(3 * INTERVAL)
    assert (reports[-1].health is Health.DEGRADED) == (heartbeat_interval is not None)


def test_change_of_the_fabric_has_agents_read_before_they_are_due(
    loop: Loop, agents: AgentSimulation
) -> None:
    loop.sync()
    loop.sync_for(INTERVAL * 2)
    loop.clock.now += timedelta(seconds=SYNC_INTERVAL)
    assert loop.read() is None
    agents.set_behaviour("leaf-01", SLOW_APPLY)
    switch = next(
        item
        for item in make_in_sync_objects(OSLO.read_desired())
        if (item["kind"], item["metadata"]["name"]) == ("Switch", "leaf-01")
    )
    loop.api.apply(switch | {"spec": switch["spec"] | {"description": "changed"}})
    loop.clock.now += timedelta(seconds=SYNC_INTERVAL)
    report = loop.read()
    assert report is not None
    assert report.health is Health.PROGRESSING


@pytest.mark.usefixtures("agents")
def test_without_permission_health_is_unknown_and_nothing_else_changes(loop: Loop) -> None:
    loop.api.unbind_role(read_cluster_role(HEALTH_ROLE_FILE)["metadata"]["name"])
    observation = loop.sync()
    assert observation.counts["Switch"] == 5
    assert observation.health is not None
    report = observation.health.report
    assert report.health is Health.UNKNOWN
    assert "bind deploy/clusterrole-health.yaml to it (HTTP 403)." in report.message


@pytest.mark.usefixtures("agents")
def test_agents_that_cannot_be_read_now_change_nothing(loop: Loop) -> None:
    loop.sync()
    before = loop.watch
    loop.api.inject_fault(Fault(503, "agents"))
    loop.clock.now += timedelta(seconds=INTERVAL)
    assert loop.read() is None
    assert loop.watch == before.model_copy(update={"not_before": loop.watch.not_before})


def test_nothing_of_the_spec_of_an_agent_leaves_the_activity(
    loop: Loop, agents: AgentSimulation
) -> None:
    agents.set_behaviour("leaf-01", CRASH_LOOP)
    agents.update_spec("leaf-01")
    observations = [loop.sync()]
    loop.clock.now += timedelta(seconds=INTERVAL * 2)
    observations.append(loop.sync())
    for observation in observations:
        assert observation.health is not None
        assert SECRET_MARK not in observation.model_dump_json()
