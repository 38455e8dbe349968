"""What passes take from the agents of a whole fabric, and what they leave there."""

import gc
import logging
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest
from temporalio.testing import ActivityEnvironment

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.update import InventoryActivities
from activities.kubernetes.live_state import LiveStateCache
from activities.netbox.client import NetBox
from activities.observe import FabricActivities, ObserveRequest
from fabrics.agents.cabling import CablingFindingType
from fabrics.agents.health_report import Health
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.loop.health_watch import HealthWatch
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.demo.fabrics import SAMPLE_FABRICS, make_in_sync_objects
from stack.demo.switch_profiles import make_switch_profiles
from stack.kubernetes.agents.behaviour import SKEWED_CLOCK
from stack.kubernetes.agents.objects import SECRET_MARK
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.agents.switch_state import SOFTWARE_VERSION
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.activities.conftest import CREDENTIAL
from tests.support.netbox.fabric_inventory import INSTANCE
from tests.support.netbox.fake_api import FakeApi
from tests.support.netbox.records import create_record

OSLO = next(fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2")


@dataclass
class Worker:
    """A worker that syncs one fabric into a NetBox in memory."""

    api: EmulatedKubernetesApi
    settings: Settings
    live_states: LiveStateCache = field(default_factory=LiveStateCache)
    netbox: FakeApi = field(default_factory=FakeApi)
    outcome: InventoryOutcome | None = None
    beats: list[object] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.admin = self.netbox.connect(NetBox)
        record = create_record(self.admin)
        target = KubernetesTarget(
            server=self.api.server, namespace="default", credential=CREDENTIAL
        )
        self.config = FabricConfig(
            fabric_id=record["custom_fields"]["hh_fabric_id"],
            name=record["name"],
            record_id=record["id"],
            enabled=True,
            kubernetes=target,
        )
        self.observer = FabricActivities(self.settings, live_states=self.live_states)
        client = self.netbox.connect(InventoryNetBox)
        self.updater = InventoryActivities(
            client, self.observer.desired_states, self.live_states, self.settings, INSTANCE
        )

    @property
    def environment(self) -> ActivityEnvironment:
        environment = ActivityEnvironment()
        environment.on_heartbeat = lambda *details: self.beats.append(details)
        return environment

    def observe(self) -> Observation:
        environment = self.environment
        health = HealthWatch().request(300, environment.info.started_time)
        request = ObserveRequest(config=self.config, health=health)
        observation: Observation = environment.run(self.observer.observe, request)
        return observation

    def update(self) -> InventoryOutcome:
        last = self.outcome
        request = InventoryRequest(
            config=self.config,
            live_digest="",
            expected_counts={},
            sync_number=1,
            cabling=last.cabling if last else None,
            cabling_seen=last.cabling_seen if last else None,
        )
        self.outcome = self.environment.run(self.updater.update_inventory, request)
        return self.outcome


@pytest.fixture
def worker(api: EmulatedKubernetesApi, settings: Settings) -> Worker:
    api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
    api.apply_all([*make_switch_profiles(), *make_in_sync_objects(OSLO.read_desired())])
    return Worker(api, settings)


@pytest.fixture
def agents(worker: Worker) -> AgentSimulation:
    return worker.api.run_agents()


@pytest.mark.usefixtures("agents")
def test_facts_of_all_switches_reach_netbox_and_heartbeats_write_nothing(worker: Worker) -> None:
    assert worker.update().report.problems == {}
    devices = {row["name"]: row for row in worker.admin.list_rows(PATHS[Model.DEVICE])}
    versions = {name: row["custom_fields"]["hh_nos_version"] for name, row in devices.items()}
    assert {name for name, version in versions.items() if version == SOFTWARE_VERSION} == {
        name for name in devices if name.startswith(("leaf", "spine"))
    }
    assert all(devices[name]["serial"] for name, version in versions.items() if version)
    assert list(worker.admin.list_rows(PATHS[Model.MODULE]))
    second = worker.update()
    assert not second.report.has_changes
    assert second.cabling == ()


def test_swapped_cables_are_found_and_leave_the_fabric_healthy(
    worker: Worker, agents: AgentSimulation
) -> None:
    agents.swap_cables("leaf-01/E1/29", "leaf-01/E1/31")
    worker.update()
    outcome = worker.update()
    assert outcome.cabling is not None
    assert [finding.type for finding in outcome.cabling] == [CablingFindingType.SWAPPED]
    assert outcome.report.problems == {}
    health = worker.observe().health
    assert health is not None
    assert health.report.health is Health.HEALTHY


@pytest.mark.usefixtures("agents")
def test_without_permission_the_inventory_has_everything_but_facts(worker: Worker) -> None:
    worker.api.unbind_role(read_cluster_role(HEALTH_ROLE_FILE)["metadata"]["name"])
    outcome = worker.update()
    assert outcome.report.problems == {}
    assert (outcome.breakouts, outcome.cabling) == (None, None)
    assert list(worker.admin.list_rows(PATHS[Model.DEVICE]))
    assert list(worker.admin.list_rows(PATHS[Model.MODULE])) == []


@pytest.mark.usefixtures("agents")
def test_agents_are_not_read_where_health_is_switched_off(
    api: EmulatedKubernetesApi, worker: Worker
) -> None:
    quiet = Worker(api, worker.settings.model_copy(update={"health_interval": 0}))
    assert quiet.update().breakouts is None
    assert not [path for path in api.request_paths if "agents" in path]


def test_nothing_of_the_spec_of_an_agent_is_kept_anywhere(
    worker: Worker, agents: AgentSimulation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    agents.set_behaviour("leaf-01", SKEWED_CLOCK)
    results = [worker.observe().model_dump_json(), worker.update().model_dump_json()]
    broken = f'{{"kind": "AgentList", "items": [{{"spec": "{SECRET_MARK}"'
    for fault in (Fault(200, "agents", body=broken), Fault(500, "agents", body=broken)):
        worker.api.inject_fault(fault)
        results.append(worker.update().model_dump_json())
        with suppress(TransientError, PermanentError):
            results.append(worker.observe().model_dump_json())
        worker.api.clear_faults()
    assert any(path.endswith("/agents/leaf-01") for path in worker.api.request_paths)
    logged = [logging.Formatter().format(record) for record in caplog.records]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    held = list(iter_texts([worker.observer, worker.updater, worker.netbox, worker.beats]))
    searched = [*map(str.encode, [*results, *logged, *held]), *files]
    assert not [text for text in searched if SECRET_MARK.encode() in text]
    for known in (SOFTWARE_VERSION, "Emulated Optics"):
        assert any(known in text for text in held), "what is kept is searched"
    assert any("The agents were not read" in text for text in logged)


_PROGRAM = (
    type,
    ModuleType,
    FunctionType,
    BuiltinFunctionType,
    logging.Logger,
    EmulatedKubernetesApi,
)
"""Types of objects that lead to the whole program, and to the emulator that runs in it."""


def iter_texts(roots: list[object]) -> Iterator[str]:
    """Yield all texts that can be reached from objects, whatever holds them."""
    waiting, seen = roots, set[int]()
    kept = []  # so that no id is used twice
    while waiting:
        item = waiting.pop()
        if id(item) in seen or isinstance(item, _PROGRAM):
            continue
        seen.add(id(item))
        kept.append(item)
        if isinstance(item, str):
            yield item
        elif isinstance(item, bytes | bytearray):
            yield bytes(item).decode(errors="replace")
        waiting += gc.get_referents(item)
