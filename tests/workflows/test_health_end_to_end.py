"""Health from emulated agents to the record, through a real worker and loop.

The clock of the Temporal server, which skips time, is also that of the Kubernetes API and its agents.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import override

import pytest
from temporalio import activity
from temporalio.testing import WorkflowEnvironment

from activities.health import HealthReadingRequest
from activities.observe import FabricActivities, ObserveRequest
from fabrics.agents.health import HealthAssessment
from fabrics.agents.health_report import Health
from fabrics.record.config import KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.demo.fabrics import SAMPLE_FABRICS, make_in_sync_objects
from stack.kubernetes.agents.behaviour import (
    CRASH_LOOP,
    HEALTHY,
    HEARTBEAT_INTERVAL,
    SKEWED_CLOCK,
    SLOW_APPLY,
    AgentBehaviour,
)
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import kubernetes_emulator
from tests.support.workflows.loop_environment import LoopEnvironment, RunningLoop, config, loop

OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")
HEALTH_INTERVAL = Settings().health_interval
SWITCHES = 5
APPLY_SECONDS = 60
"""An agent in a crash loop that no longer fails has applied after its next start."""

SETTLING_SECONDS = 1800
"""After the first sync: agents are read often for a while."""


@dataclass
class Clock:
    """The time on the Temporal server as of the last activity, or as a test sets it."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class OsloEnvironment(LoopEnvironment):
    """A loop's environment with a real worker's activities on an emulated API."""

    clock: Clock = field(kw_only=True)
    fabric: FabricActivities = field(kw_only=True)

    @activity.defn
    @override
    def observe(self, request: ObserveRequest) -> Observation:
        self.clock.now = activity.info().started_time
        self.observed.append(self.clock.now)
        return self.fabric.observe(request)

    @activity.defn
    @override
    def read_health(self, request: HealthReadingRequest) -> HealthAssessment | None:
        self.clock.now = activity.info().started_time
        self.health_readings.append(self.clock.now)
        return self.fabric.read_health(request)


@dataclass
class Oslo:
    """The fabric under test, its agents and its loop's environment."""

    environment: OsloEnvironment
    agents: AgentSimulation

    async def set_behaviour(self, running: RunningLoop, behaviour: AgentBehaviour) -> None:
        """Let the agent of `leaf-01` behave so from now on."""
        self.environment.clock.now = await running.env.get_current_time()
        self.agents.set_behaviour("leaf-01", behaviour)

    def set_interval(self, seconds: int) -> None:
        """Let the fabric be synced so often."""
        record = self.environment.record
        assert record is not None
        self.environment.record = record.model_copy(update={"interval": seconds})

    @property
    def shown(self) -> tuple[Health, str]:
        """Health as the record shows it."""
        return self.environment.last_known.health, self.environment.last_known.health_message

    def list_messages(self) -> list[str]:
        """List the messages on health that were written to the record."""
        return [update.last_known.health_message for update in self.environment.updates]


@pytest.fixture
def oslo(tmp_path: Path) -> Iterator[Oslo]:
    """The API of Oslo, whose agents may be read, and have applied everything."""
    clock = Clock(datetime.now(UTC))
    with kubernetes_emulator(clock=clock) as api:
        api.write_credential(tmp_path / "oslo")
        api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
        api.apply_all(make_in_sync_objects(OSLO.read_desired()))
        target = KubernetesTarget(server=api.server, namespace="default", credential="oslo")
        settings = Settings(credentials_dir=tmp_path, connect_timeout=20, read_timeout=20)
        environment = OsloEnvironment(
            config(interval=3600, kubernetes=target, git=None),
            clock=clock,
            fabric=FabricActivities(settings),
        )
        # Otherwise the record is written from time to time, whatever agents report.
        changes = {"netbox_heartbeat": 10**7, "inventory_enabled": False}
        environment.installation = environment.installation.model_copy(update=changes)
        yield Oslo(environment, api.run_agents())


@pytest.mark.parametrize("interval", [300, 3600])
@pytest.mark.parametrize(
    "behaviour",
    [CRASH_LOOP, replace(CRASH_LOOP, clock_offset=SKEWED_CLOCK.clock_offset)],
    ids=["crash loop", "crash loop with a wrong clock"],
)
async def test_stuck_switch_is_degraded_within_two_health_intervals_and_healthy_once_it_has_applied(
    env: WorkflowEnvironment, oslo: Oslo, behaviour: AgentBehaviour, interval: int
) -> None:
    oslo.set_interval(interval)
    async with loop(env, oslo.environment) as running:
        await running.sleep(SETTLING_SECONDS)
        assert oslo.shown[0] is Health.HEALTHY
        await oslo.set_behaviour(running, behaviour)
        oslo.agents.update_spec("leaf-01")
        await running.sleep(2 * HEALTH_INTERVAL + 5)
        health, message = oslo.shown
        assert health is Health.DEGRADED
        assert message.startswith(
            "1 of 5 devices did not apply the last change in time: leaf-01 (generation 1 instead of 2 since "
        )
        await oslo.set_behaviour(running, HEALTHY)
        await running.sleep(APPLY_SECONDS + HEALTH_INTERVAL + 5)
        assert oslo.shown[0] is Health.HEALTHY
        assert (await running.status()).sync_status == "inventory_only"


async def test_ten_minutes_of_apply_are_not_silence(env: WorkflowEnvironment, oslo: Oslo) -> None:
    oslo.set_interval(300)
    async with loop(env, oslo.environment) as running:
        await running.sleep(SETTLING_SECONDS)
        await oslo.set_behaviour(running, SLOW_APPLY)
        oslo.agents.update_spec("leaf-01")
        await running.sleep(1200)
        assert oslo.shown[0] is Health.HEALTHY
        messages = oslo.list_messages()
        assert [text for text in messages if "have not yet applied" in text]
        assert not [text for text in messages if "heartbeat" in text]


@pytest.mark.parametrize("clock_offset", [timedelta(), SKEWED_CLOCK.clock_offset], ids=str)
async def test_ten_thousand_heartbeats_write_nothing(
    env: WorkflowEnvironment, oslo: Oslo, clock_offset: timedelta
) -> None:
    oslo.set_interval(3600)
    async with loop(env, oslo.environment) as running:
        await oslo.set_behaviour(running, AgentBehaviour(clock_offset=clock_offset))
        await running.sleep(SETTLING_SECONDS)
        assert oslo.shown[0] is Health.HEALTHY
        writes, readings = len(oslo.environment.updates), len(oslo.environment.health_readings)
        seconds = 10_000 / SWITCHES * HEARTBEAT_INTERVAL.total_seconds()
        await running.sleep(seconds)
        assert len(oslo.environment.updates) == writes
        assert len(oslo.environment.health_readings) - readings > seconds / HEALTH_INTERVAL / 2
