"""A fabric with an emulated API and agents, and a worker that syncs it.

Nothing but NetBox and Temporal is missing. `FakeApi` stands in for NetBox.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from temporalio.testing import ActivityEnvironment

from activities.git.desired_state import DesiredStateCache
from activities.inventory.update import InventoryActivities
from activities.kubernetes.live_state import LiveStateCache
from activities.netbox.client import Row
from activities.observe import FabricActivities, ObserveRequest
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.health_watch import HealthWatch
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from tests.support.git.repositories import Repository
from tests.support.netbox.fabric_inventory import INSTANCE, FabricInventory

START: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)


@dataclass
class Clock:
    """The time of an API and its agents, which a test advances."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


@dataclass
class Worker:
    """A worker for one fabric; its loop remembers `last_sync` and `last_pass`.

    `heartbeats` are the details of those that its activities sent.
    """

    settings: Settings
    config: FabricConfig
    last_sync: Observation | None = None
    last_pass: InventoryOutcome | None = None
    live_states: LiveStateCache = field(default_factory=LiveStateCache)
    desired_states: DesiredStateCache = field(default_factory=DesiredStateCache)
    heartbeats: list[object] = field(default_factory=list)

    @property
    def environment(self) -> ActivityEnvironment:
        """A new environment of an activity."""
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: self.heartbeats.append(details)
        return environment

    def observe(self) -> Observation:
        """Observe the fabric and its health. It must be in sync."""
        activities = FabricActivities(self.settings, self.desired_states, self.live_states)
        request = ObserveRequest(
            config=self.config,
            previous_counts=self.last_sync.counts if self.last_sync else {},
            health=HealthWatch().request(self.settings.health_interval, START),
        )
        observation: Observation = self.environment.run(activities.observe, request)
        assert (observation.error, observation.problems) == ("", ())
        assert observation.drift_count == 0, observation.drift
        self.last_sync = observation
        return observation

    def update(self, inventory: FabricInventory) -> InventoryOutcome:
        """Observe the fabric, and bring NetBox up to that."""
        observed = self.observe()
        activities = InventoryActivities(
            inventory.netbox, self.desired_states, self.live_states, self.settings, INSTANCE
        )
        request = InventoryRequest(
            config=self.config,
            live_digest=observed.live_digest,
            expected_counts=observed.counts,
            sync_number=1,
        )
        if last := self.last_pass:
            names = ("absence_counts", "cabling", "cabling_seen")
            update = {name: getattr(last, name) for name in names}
            request = request.model_copy(update=update | {"breakouts": last.breakouts or ()})
        outcome: InventoryOutcome = self.environment.run(activities.update_inventory, request)
        self.last_pass = outcome
        return outcome


@contextmanager
def run_fabric(
    items: Iterable[Mapping[str, Any]], credential: Path, clock: Clock
) -> Iterator[EmulatedKubernetesApi]:
    """Run an API of today's release that holds these objects, with agents."""
    with kubernetes_emulator(clock=clock) as api:
        api.write_credential(credential)
        api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
        api.apply_all(items)
        api.run_agents()
        yield api


def make_config(
    api: EmulatedKubernetesApi, credential: Path, repository: Repository, record: Row
) -> FabricConfig:
    """Return the configuration of a record that names these sources."""
    return FabricConfig(
        fabric_id=record["custom_fields"]["hh_fabric_id"],
        name=record["name"],
        record_id=record["id"],
        kubernetes=KubernetesTarget(
            server=api.server, namespace="default", credential=credential.name
        ),
        git=repository.source(),
    )
