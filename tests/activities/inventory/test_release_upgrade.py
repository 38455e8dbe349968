"""An upgrade of Hedgehog under an unchanged Git: no drift, and only new details."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.testing import ActivityEnvironment

from activities.inventory.update import InventoryActivities
from activities.kubernetes.live_state import LiveStateCache
from activities.netbox.client import Row
from activities.observe import FabricActivities, ObserveRequest
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.demo.fabrics import SAMPLE_FABRICS, make_in_sync_objects
from stack.demo.switch_profiles import make_switch_profiles
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.kubernetes.releases import DEFAULT_FABRIC, HedgehogRelease
from tests.activities.conftest import CREDENTIAL
from tests.support.fabrics.sample_sets import SETS, SampleSet, in_git, live_items, needs_samples
from tests.support.git.repositories import Repository
from tests.support.netbox.fabric_inventory import FAKE, INSTANCE, FabricInventory

OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")
RECORD = {"id": 1, "name": "Lab", "custom_fields": {"hh_fabric_id": "lab"}}


@dataclass
class Clock:
    """The time of the API and its agents."""

    now: datetime = datetime(2026, 11, 28, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Worker:
    """A worker that syncs one fabric; `last_sync` is what its loop remembers."""

    settings: Settings
    config: FabricConfig
    last_sync: Observation | None = None
    live_states: LiveStateCache = field(default_factory=LiveStateCache)

    def observe(self) -> Observation:
        """Observe the fabric. It must be in sync."""
        activities = FabricActivities(self.settings, live_states=self.live_states)
        counts = self.last_sync.counts if self.last_sync else {}
        request = ObserveRequest(config=self.config, previous_counts=counts)
        observation: Observation = ActivityEnvironment().run(activities.observe, request)
        assert (observation.error, observation.problems) == ("", ())
        assert observation.drift_count == 0, observation.drift
        self.last_sync = observation
        return observation

    def update(self, inventory: FabricInventory) -> InventoryOutcome:
        """Bring NetBox up to what was observed."""
        observed = self.observe()
        activities = InventoryActivities(
            inventory.netbox, self.live_states, self.settings, INSTANCE
        )
        request = InventoryRequest(
            config=self.config,
            live_digest=observed.live_digest,
            expected_counts=observed.counts,
            sync_number=1,
        )
        return ActivityEnvironment().run(activities.update_inventory, request)


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


def make_config(api: EmulatedKubernetesApi, repository: Repository, record: Row) -> FabricConfig:
    return FabricConfig(
        fabric_id=record["custom_fields"]["hh_fabric_id"],
        name=record["name"],
        record_id=record["id"],
        kubernetes=KubernetesTarget(server=api.server, namespace="default", credential=CREDENTIAL),
        git=repository.source(),
    )


def with_fabric_name(config: FabricConfig, name: str) -> FabricConfig:
    return config.model_copy(update={"fabric_name": name})


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.make(tmp_path / "fabric.git")


@dataclass
class Oslo:
    """A fabric that is in sync, and a worker for it."""

    api: EmulatedKubernetesApi
    clock: Clock
    worker: Worker

    def upgrade(self) -> None:
        """Install the next release, and let the agents apply what it changes."""
        self.api.upgrade(HedgehogRelease.NEXT)
        self.clock.now += timedelta(minutes=1)


@pytest.fixture
def oslo(
    repository: Repository, credential: Path, settings: Settings, inventory: FabricInventory
) -> Iterator[Oslo]:
    files = OSLO.directory.rglob("*.yaml")
    repository.commit_files({file.name: file.read_text() for file in files})
    items = [*make_switch_profiles(), *make_in_sync_objects(OSLO.read_desired())]
    clock = Clock()
    with run_fabric(items, credential, clock) as api:
        yield Oslo(api, clock, Worker(settings, make_config(api, repository, inventory.record)))


@needs_samples
@pytest.mark.parametrize("sample", SETS, ids=str)
def test_sample_sets_stay_in_sync_whether_or_not_the_record_names_the_fabric(
    sample: SampleSet, repository: Repository, credential: Path, settings: Settings
) -> None:
    repository.commit_files(in_git(sample))
    with run_fabric(live_items(sample), credential, Clock()) as api:
        config = make_config(api, repository, RECORD)
        workers = [Worker(settings, with_fabric_name(config, name)) for name in ("", "default")]
        before, named_before = (worker.observe().counts for worker in workers)
        api.upgrade(HedgehogRelease.NEXT)
        restarted = [Worker(settings, worker.config, worker.last_sync) for worker in workers]
        after, named_after = (worker.observe().counts for worker in restarted)
        assert before == named_before
        assert after == named_after == before | {"Fabric": 1}
        assert workers[0].observe().counts == before, "it was asked for the kind Fabric recently"


@pytest.mark.parametrize("make_inventory", [FAKE], indirect=True)
@pytest.mark.parametrize(
    ("name_before", "name_after"), [("", ""), ("default", "default"), ("", "default")]
)
def test_upgrade_writes_nothing_but_details_of_the_fabric(
    name_before: str, name_after: str, oslo: Oslo, inventory: FabricInventory
) -> None:
    worker = replace(oslo.worker, config=with_fabric_name(oslo.worker.config, name_before))
    assert worker.update(inventory).report.problems == {}
    key = f"Fabric/default/{inventory.fabric_id}#underlay"
    underlay, before = inventory.get(Model.VRF, key), inventory.latest_change()

    oslo.upgrade()
    config = with_fabric_name(worker.config, name_after)
    restarted = Worker(worker.settings, config, worker.last_sync)
    report = restarted.update(inventory).report

    assert (report.created, report.updated, report.deleted) == (0, 1, 0)
    assert (report.adopted, report.problems) == (0, {})
    [change] = inventory.changes_since(before)
    assert (change["action"]["value"], change["changed_object_id"]) == ("update", underlay["id"])
    details = {"hh_details": {"fabrics": {"default": DEFAULT_FABRIC["spec"]}}}
    fields = {"custom_fields": underlay["custom_fields"] | details}
    assert inventory.get(Model.VRF, key) == underlay | fields
    assert not restarted.update(inventory).report.has_changes
