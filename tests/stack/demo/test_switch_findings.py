"""The demo soon shows which switch is stuck and which cables are swapped."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Final

import pytest
from temporalio.testing import ActivityEnvironment

from activities.git.desired_state import DesiredStateCache
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.update import InventoryActivities
from activities.kubernetes.live_state import LiveStateCache
from activities.netbox.client import NetBox
from activities.observe import FabricActivities, ObserveRequest
from fabrics.agents.health_report import Health, HealthReport
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.loop.health_watch import HealthWatch
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.record.sync_status import Observation
from settings import Settings
from stack.demo.fabrics import SAMPLE_FABRICS
from stack.demo.seed import STUCK_AFTER_SECONDS, SYNC_INTERVAL_SECONDS, start_kubernetes_apis
from tests.support.netbox.fabric_inventory import INSTANCE, FabricInventory
from tests.support.netbox.fake_api import FakeApi
from tests.support.netbox.records import create_record

pytestmark = pytest.mark.skipif(
    "KUBEBUILDER_ASSETS" in os.environ, reason="no agents write to the real API server"
)

BERLIN, OSLO, _ = SAMPLE_FABRICS
START: Final = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        credentials_dir=tmp_path / "credentials",
        connect_timeout=20,
        read_timeout=20,
        stuck_after=STUCK_AFTER_SECONDS,
    )


@pytest.fixture
def servers(settings: Settings) -> Iterator[dict[str, str]]:
    """The demo's APIs by the names of the fabrics."""
    with ExitStack() as exits:
        yield start_kubernetes_apis([BERLIN, OSLO], settings.credentials_dir, exits)


def make_config(name: str, servers: dict[str, str]) -> FabricConfig:
    target = KubernetesTarget(server=servers[name], namespace="default", credential=name)
    return FabricConfig(fabric_id=name, name=name, record_id=1, enabled=True, kubernetes=target)


def read_health(config: FabricConfig, settings: Settings, syncs: int) -> list[HealthReport]:
    """Return what those of the first syncs find that read the agents."""
    activities, watch, reports = FabricActivities(settings), HealthWatch(), []
    for number in range(syncs):
        started = START + number * timedelta(seconds=SYNC_INTERVAL_SECONDS)
        environment = ActivityEnvironment()
        environment.info = replace(environment.info, started_time=started)
        health = watch.request(settings.health_interval, started)
        observation: Observation = environment.run(
            activities.observe, ObserveRequest(config=config, health=health)
        )
        watch = watch.after_sync(observation, started, started)
        if observation.health:
            reports.append(observation.health.report)
    return reports


def test_third_sync_finds_the_switch_that_never_applied(
    servers: dict[str, str], settings: Settings
) -> None:
    first, last = read_health(make_config(OSLO.name, servers), settings, syncs=3)
    assert first.health is Health.PROGRESSING
    assert last.health is Health.DEGRADED
    assert "1 of 5 devices did not apply the last change in time: leaf-03" in last.message


def test_berlin_is_healthy(servers: dict[str, str], settings: Settings) -> None:
    (report,) = read_health(make_config(BERLIN.name, servers), settings, syncs=1)
    assert report.health is Health.HEALTHY, report.message


@pytest.mark.parametrize(
    ("name", "swapped"),
    [(BERLIN.name, []), (OSLO.name, [("spine-01--fabric--leaf-01", "spine-02--fabric--leaf-01")])],
)
def test_second_pass_finds_the_swapped_cables(
    name: str, swapped: list[tuple[str, str]], servers: dict[str, str], settings: Settings
) -> None:
    api = FakeApi()
    inventory = FabricInventory(
        api.connect(InventoryNetBox), api.connect(NetBox), create_record(api.connect(NetBox))
    )
    target = make_config(name, servers).kubernetes
    config = inventory.request.config.model_copy(update={"kubernetes": target})
    activities = InventoryActivities(
        inventory.netbox, DesiredStateCache(), LiveStateCache(), settings, INSTANCE
    )
    request = inventory.request.model_copy(update={"config": config})
    first: InventoryOutcome = ActivityEnvironment().run(activities.update_inventory, request)
    assert (first.cabling, first.report.problems) == (None, {})

    again = request.model_copy(update={"cabling_seen": first.cabling_seen})
    second: InventoryOutcome = ActivityEnvironment().run(activities.update_inventory, again)

    found = [(finding.key, finding.other_key) for finding in second.cabling or ()]
    assert [tuple(map(get_connection, keys)) for keys in found] == swapped
    cables = [row["custom_fields"] for row in inventory.objects(Model.CABLE)]
    assert {
        fields["hh_key"]: fields["hh_details"]["observed"].partition(":")[0]
        for fields in cables
        if fields["hh_details"]
    } == {key: f"It is swapped with {other}" for pair in found for key, other in permutations(pair)}


def get_connection(key: str) -> str:
    """Return the name of the Connection in the key of a cable."""
    return key.partition("#")[0].rpartition("/")[2]
