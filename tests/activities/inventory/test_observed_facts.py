"""What the agents of switches report reaches NetBox, and only when it changes."""

import gc
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType

import pytest

from fabrics.agents.cabling import CablingFindingType
from fabrics.agents.health_report import Health
from fabrics.inventory.model.planned import Model
from stack.kubernetes.agents.behaviour import SKEWED_CLOCK
from stack.kubernetes.agents.objects import SECRET_MARK
from stack.kubernetes.agents.switch_state import SOFTWARE_VERSION, make_serial_number
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.activities.inventory.conftest import EmulatedOslo
from tests.support.netbox.fabric_inventory import FAKE, FabricInventory

pytestmark = pytest.mark.parametrize("make_inventory", [FAKE], indirect=True)

LEAF, CAGE = "leaf-01", "E1/29"
KEY = f"Switch/default/{LEAF}#{CAGE}"


@pytest.fixture
def synced(oslo: EmulatedOslo, inventory: FabricInventory) -> EmulatedOslo:
    """The fabric after its first pass."""
    assert oslo.worker.update(inventory).report.problems == {}
    return oslo


@pytest.mark.usefixtures("synced")
def test_serial_numbers_software_and_optics_are_in_netbox(inventory: FabricInventory) -> None:
    for device in inventory.objects(Model.DEVICE):
        fields = device["custom_fields"]
        is_switch = fields["hh_key"].startswith("Switch/")
        serial = make_serial_number(device["name"]) if is_switch else ""
        assert (device["serial"], fields["hh_nos_version"]) == (
            serial,
            SOFTWARE_VERSION if is_switch else None,
        )
    module = inventory.get(Model.MODULE, KEY)
    assert module["serial"] == make_serial_number(LEAF, CAGE)
    assert module["module_bay"]["id"] == inventory.get(Model.MODULE_BAY, KEY)["id"]
    ports = inventory.objects(Model.INTERFACE)
    assert not any(port.get("module") for port in ports)


def test_heartbeats_counters_and_temperatures_write_nothing(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    before = inventory.latest_change()
    for _ in range(3):
        synced.clock.advance(hours=1, seconds=17)
        outcome = synced.worker.update(inventory)
        assert (outcome.report.has_changes, outcome.cabling) == (False, ())
    assert inventory.changes_since(before) == []
    assert synced.api.request_methods == {"GET"}


def test_swapped_cables_are_found_and_leave_the_fabric_healthy(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    synced.api.agents.swap_cables("leaf-01/E1/29", "leaf-01/E1/31")
    synced.worker.update(inventory)
    outcome = synced.worker.update(inventory)
    assert outcome.cabling is not None
    assert [finding.type for finding in outcome.cabling] == [CablingFindingType.SWAPPED]
    assert outcome.report.problems == {}
    health = synced.worker.observe().health
    assert health is not None
    assert health.report.health is Health.HEALTHY


def test_without_permission_the_inventory_has_everything_but_facts(
    oslo: EmulatedOslo, inventory: FabricInventory
) -> None:
    oslo.api.unbind_role("fabric-sync-health")
    outcome = oslo.worker.update(inventory)
    assert (outcome.report.problems, outcome.breakouts, outcome.cabling) == ({}, None, None)
    assert inventory.objects(Model.DEVICE)
    assert inventory.objects(Model.MODULE) == []


def test_agents_are_not_read_where_health_is_switched_off(
    oslo: EmulatedOslo, inventory: FabricInventory
) -> None:
    settings = oslo.worker.settings.model_copy(update={"health_interval": 0})
    assert replace(oslo.worker, settings=settings).update(inventory).breakouts is None
    assert not [path for path in oslo.api.request_paths if "agents" in path]


def test_nothing_of_the_spec_of_an_agent_is_kept_anywhere(
    oslo: EmulatedOslo,
    inventory: FabricInventory,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    oslo.api.agents.set_behaviour(LEAF, SKEWED_CLOCK)
    results: list[str] = []

    def update() -> None:
        results.append(oslo.worker.update(inventory).model_dump_json())
        assert oslo.worker.last_sync is not None
        results.append(oslo.worker.last_sync.model_dump_json())

    update()
    broken = f'{{"kind": "AgentList", "items": [{{"spec": "{SECRET_MARK}"'
    for fault in (Fault(200, "agents", body=broken), Fault(500, "agents", body=broken)):
        oslo.api.inject_fault(fault)
        update()
        oslo.api.clear_faults()
    assert any(path.endswith(f"/agents/{LEAF}") for path in oslo.api.request_paths)
    logged = [logging.Formatter().format(record) for record in caplog.records]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    held = list(iter_texts([oslo.worker, inventory]))
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
