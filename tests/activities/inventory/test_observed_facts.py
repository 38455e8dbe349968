"""What the agents of switches report reaches NetBox, and only when it changes."""

import json
from typing import Any

import pytest

from fabrics.agents.breakouts import BreakoutMismatch
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.prune.policy import MIN_ABSENT_PASSES
from stack.kubernetes.agents.behaviour import CRASH_LOOP
from stack.kubernetes.agents.objects import SECRET_MARK
from stack.kubernetes.agents.switch_state import SOFTWARE_VERSION, make_serial_number
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


def replace_optic(state: dict[str, Any]) -> None:
    state["transceivers"][CAGE] |= {"serial": "ANOTHER", "vendorPart": "EO-OTHER"}


def pull_optic(state: dict[str, Any]) -> None:
    del state["transceivers"][CAGE]


def divide_port(state: dict[str, Any]) -> None:
    state["breakouts"]["E1/5"]["mode"] = "1x100G"


def break_everything(state: dict[str, Any]) -> None:
    state.clear()


@pytest.mark.usefixtures("synced")
def test_serial_numbers_software_and_optics_are_in_netbox(inventory: FabricInventory) -> None:
    device = inventory.get(Model.DEVICE, f"Switch/default/{LEAF}")
    assert device["serial"] == make_serial_number(LEAF)
    assert device["custom_fields"]["hh_nos_version"] == SOFTWARE_VERSION
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
        assert not synced.worker.update(inventory).report.has_changes
    assert inventory.changes_since(before) == []


@pytest.mark.usefixtures("synced")
def test_nothing_of_the_spec_of_an_agent_is_in_netbox(inventory: FabricInventory) -> None:
    rows = [row for model in OWNED_MODELS for row in inventory.objects(model)]
    assert rows
    assert SECRET_MARK not in json.dumps(rows)


def test_replaced_optic_is_one_write_to_the_same_module(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    before = inventory.get(Model.MODULE, KEY)
    synced.api.agents.alter_state(LEAF, replace_optic)
    report = synced.worker.update(inventory).report
    module = inventory.get(Model.MODULE, KEY)
    assert (report.updated, report.deleted) == (1, 0)
    assert (module["id"], module["serial"]) == (before["id"], "ANOTHER")
    assert module["module_type"]["id"] != before["module_type"]["id"]


def test_pulled_optic_is_gone_after_three_readings_and_its_bay_stays(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    bay, module = (inventory.get(model, KEY) for model in (Model.MODULE_BAY, Model.MODULE))
    synced.api.agents.alter_state(LEAF, pull_optic)
    for _ in range(MIN_ABSENT_PASSES - 1):
        assert not synced.worker.update(inventory).report.has_changes
    assert inventory.get(Model.MODULE, KEY)["id"] == module["id"]
    assert synced.worker.update(inventory).report.deleted == 1
    assert module["id"] not in {row["id"] for row in inventory.objects(Model.MODULE)}
    assert inventory.get(Model.MODULE_BAY, KEY)["id"] == bay["id"]


def test_facts_stay_when_a_switch_no_longer_reports_them(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    synced.api.agents.alter_state(LEAF, break_everything)
    for _ in range(MIN_ABSENT_PASSES):
        assert not synced.worker.update(inventory).report.has_changes


def test_facts_stay_when_agents_may_no_longer_be_read(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    synced.api.unbind_role("fabric-sync-health")
    for _ in range(MIN_ABSENT_PASSES):
        outcome = synced.worker.update(inventory)
        assert not outcome.report.has_changes
        assert outcome.breakouts is None


def test_breakout_mismatch_stays_known_while_nobody_judges_the_switch(
    synced: EmulatedOslo, inventory: FabricInventory
) -> None:
    mismatch = BreakoutMismatch("leaf-03", "E1/5", "4x25G", "1x100G")
    synced.api.agents.alter_state("leaf-03", divide_port)
    assert synced.worker.update(inventory).breakouts == (mismatch,)
    synced.api.agents.set_behaviour("leaf-03", CRASH_LOOP)
    synced.api.agents.update_spec("leaf-03")
    assert synced.worker.update(inventory).breakouts == (mismatch,)
