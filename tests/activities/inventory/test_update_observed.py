"""Serial numbers, software, transceivers and cabling in NetBox, as observed."""

from collections.abc import Mapping
from typing import Any

import pytest

from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import Row
from fabrics.inventory.model.ownership import TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.report.report import FindingType
from tests.support.agents.observed import make_agent
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plans import server, switch
from tests.support.inventory.small_fabric import cable
from tests.support.netbox.fabric_inventory import (
    FAKE,
    FabricInventory,
    key_scenario,
    scenario,
)

LEAF, OTHER = "Switch/default/leaf-1", "Switch/default/leaf-2"
SWITCHES = (switch("leaf-1"), switch("leaf-2"))
WIRED = (*SWITCHES, server("s-1"), cable("c", "s-1/e1", "leaf-1/E1/5"))

type Optic = dict[str, Any]


def optic(serial: str, part: str = "QSFP28-SR4") -> Optic:
    """Return a transceiver as an agent reports it."""
    return {
        "vendor": "Acme Optics",
        "vendorPart": part,
        "serial": serial,
        "formFactor": "QSFP28",
        "present": "PRESENT",
        "oper": "ACTIVE",
        "temp": 31.5,
    }


def report(inventory: FabricInventory, **optics: Mapping[str, Optic]) -> None:
    """Let the agents of `leaf_1` and `leaf_2` report these transceivers."""
    names = ("leaf-1", "leaf-2")
    inventory.agents = [
        make_agent(name, {}, transceivers=optics.get(name.replace("-", "_"), {})) for name in names
    ]


def modules(inventory: FabricInventory) -> dict[str, Row]:
    """Return the fabric's modules by the names of their devices and bays."""
    return {
        f"{row['device']['name']} {row['module_bay']['name']}": row
        for row in inventory.objects(Model.MODULE)
    }


def serial_numbers(inventory: FabricInventory) -> dict[str, str]:
    return {place: row["serial"] for place, row in modules(inventory).items()}


def sync_thrice(inventory: FabricInventory) -> int:
    """Sync three times, as many as a delete takes; return the number of deletes."""
    return sum(inventory.sync(*WIRED).report.deleted for _ in range(3))


@key_scenario
def test_transceivers_are_modules_in_bays_and_are_written_once(inventory: FabricInventory) -> None:
    lanes = {f"E1/5/{lane}": optic("A1") for lane in (1, 2, 3, 4)}
    report(inventory, leaf_1={**lanes, "E1/6": optic("A2", "DAC-1")})
    assert inventory.sync(*WIRED).report.problems == {}
    found = modules(inventory)
    assert {
        place: (row["serial"], row["module_type"]["model"]) for place, row in found.items()
    } == {
        "leaf-1 E1/5": ("A1", "QSFP28-SR4"),
        "leaf-1 E1/6": ("A2", "DAC-1"),
    }
    for row in [*found.values(), *inventory.objects(Model.MODULE_BAY)]:
        assert [tag["slug"] for tag in row["tags"]] == [TAG_SLUG]
    device = inventory.get(Model.DEVICE, LEAF)
    assert (device["serial"], device["custom_fields"]["hh_nos_version"]) == ("SN-leaf-1", "4.5.0")
    assert [row["module"] for row in inventory.objects(Model.INTERFACE)] == [None] * 4
    before = inventory.latest_change()
    assert not inventory.sync(*WIRED).report.has_changes
    assert inventory.changes_since(before) == []


@key_scenario
def test_swapped_transceiver_is_one_change_that_keeps_the_id(inventory: FabricInventory) -> None:
    report(inventory, leaf_1={"E1/5": optic("A1"), "E1/6": optic("A2")})
    inventory.sync(*WIRED)
    ids, before = inventory.ids(), inventory.latest_change()
    report(inventory, leaf_1={"E1/5": optic("A3", "QSFP28-LR4"), "E1/6": optic("A2")})
    assert inventory.sync(*WIRED).report.updated == 1
    written = [
        (row["action"]["value"], row["changed_object_type"])
        for row in inventory.changes_since(before)
    ]
    assert sorted(written) == [("create", "dcim.moduletype"), ("update", "dcim.module")]
    assert inventory.ids() == ids
    row = modules(inventory)["leaf-1 E1/5"]
    assert (row["serial"], row["module_type"]["model"]) == ("A3", "QSFP28-LR4")


@scenario
def test_name_of_a_bay_that_somebody_has_changed_is_restored(inventory: FabricInventory) -> None:
    report(inventory, leaf_1={"E1/5": optic("A1")})
    inventory.sync(*WIRED)
    bay = inventory.get(Model.MODULE_BAY, f"{LEAF}#E1/5")
    inventory.edit(Model.MODULE_BAY, bay, name="mine")
    assert inventory.sync(*WIRED).report.updated == 1
    restored = inventory.get(Model.MODULE_BAY, f"{LEAF}#E1/5")
    assert (restored["id"], restored["name"]) == (bay["id"], "E1/5")


@key_scenario
def test_pulled_transceiver_is_gone_after_three_readings_and_leaves_its_bay(
    inventory: FabricInventory,
) -> None:
    report(inventory, leaf_1={"E1/5": optic("A1"), "E1/6": optic("A2")})
    inventory.sync(*WIRED)
    ids = inventory.ids()
    pulled = {"E1/5": optic("") | {"present": "NOT_PRESENT"}, "E1/6": optic("A2")}
    for _ in range(2):
        report(inventory, leaf_1=pulled)
        assert inventory.sync(*WIRED).report.deleted == 0
    assert inventory.sync(*WIRED).report.deleted == 1
    remaining = dict(ids)
    del remaining[Model.MODULE, f"{LEAF}#E1/5"]
    assert inventory.ids() == remaining
    report(inventory, leaf_1={"E1/5": optic("A9"), "E1/6": optic("A2")})
    assert inventory.sync(*WIRED).report.created == 1
    bay = modules(inventory)["leaf-1 E1/5"]["module_bay"]
    assert bay["id"] == ids[Model.MODULE_BAY, f"{LEAF}#E1/5"]


@scenario
def test_what_nobody_can_read_changes_nothing(inventory: FabricInventory) -> None:
    report(inventory, leaf_1={"E1/5": optic("A1")})
    inventory.sync(*WIRED)
    before = inventory.latest_change()
    unread = {"vendor": "N/A", "vendorPart": "N/A", "serial": "N/A", "present": "PRESENT"}
    stateless = [{"metadata": {"name": name, "generation": 3}} for name in ("leaf-1", "leaf-2")]
    broken = [item | {"status": {"state": 5}} for item in stateless]
    for agents in (
        None,
        [],
        stateless,
        broken,
        [make_agent("leaf-1", {}), make_agent("leaf-2", {})],
        [make_agent("leaf-1", {}, transceivers={"E1/5": unread}), make_agent("leaf-2", {})],
    ):
        inventory.agents = agents
        outcome = inventory.sync(*WIRED)
        assert (outcome.report.problems, outcome.absence_counts) == ({}, {})
    report(inventory, leaf_1={"E1/5": optic("A9"), "E1/6": optic("A2")})
    inventory.silent_switches = ("leaf-1",)
    inventory.sync(*WIRED)
    assert inventory.changes_since(before) == []


@key_scenario
def test_module_of_a_person_in_a_bay_of_the_fabric_is_a_conflict(
    inventory: FabricInventory,
) -> None:
    report(inventory, leaf_1={"E1/5": optic("A1")})
    inventory.sync(*WIRED)
    module = modules(inventory)["leaf-1 E1/5"]
    inventory.admin.delete(PATHS[Model.MODULE], module["id"])
    place = {name: module[name]["id"] for name in ("device", "module_bay", "module_type")}
    mine = inventory.admin.create(PATHS[Model.MODULE], place | {"serial": "MINE"})
    outcome = inventory.sync(*WIRED)
    assert outcome.report.problems == {FindingType.CONFLICT: 1}
    [finding] = outcome.report.findings
    assert finding.what == f"{LEAF}#E1/5"
    assert finding.why.endswith("is in its place and was made by somebody else")
    inventory.edit(Model.MODULE, mine, tags=[{"slug": TAG_SLUG}])
    assert inventory.sync(*WIRED).report.problems == {FindingType.ADOPTABLE: 1}
    assert inventory.sync(*WIRED, adopt=True).report.adopted == 1
    assert inventory.sync(*WIRED).report.problems == {}
    row = modules(inventory)["leaf-1 E1/5"]
    assert (row["id"], row["serial"]) == (mine["id"], "A1")


@key_scenario
def test_module_that_a_person_moved_is_made_anew_in_its_bay(inventory: FabricInventory) -> None:
    report(inventory, leaf_1={"E1/5": optic("A1")}, leaf_2={"E1/7": optic("A2")})
    inventory.sync(*WIRED)
    found = modules(inventory)
    inventory.admin.delete(PATHS[Model.MODULE], found["leaf-2 E1/7"]["id"])
    place = {name: found["leaf-2 E1/7"][name]["id"] for name in ("device", "module_bay")}
    inventory.edit(Model.MODULE, found["leaf-1 E1/5"], **place)
    report(inventory, leaf_1={"E1/5": optic("A3", "DAC-1")}, leaf_2={"E1/8": optic("A4")})
    assert inventory.sync(*WIRED).report.problems == {}
    assert serial_numbers(inventory) == {
        "leaf-1 E1/5": "A3",
        "leaf-2 E1/7": "A1",
        "leaf-2 E1/8": "A4",
    }
    assert sync_thrice(inventory) == 1
    assert serial_numbers(inventory) == {"leaf-1 E1/5": "A3", "leaf-2 E1/8": "A4"}


@key_scenario
def test_removed_switch_is_deleted_with_its_bays_and_modules(inventory: FabricInventory) -> None:
    report(inventory, leaf_2={"E1/7": optic("A2")})
    inventory.sync(*WIRED)
    remaining = live_state(*(resource for resource in WIRED if resource.name != "leaf-2"))
    outcome = inventory.sync_to_deletion(remaining)
    assert (outcome.report.problems, outcome.report.deleted) == ({}, 4)
    assert not any(key.startswith(OTHER) for _, key in inventory.ids())


@scenario
def test_switch_with_another_serial_number_than_stated_is_said_and_keeps_the_stated_one(
    inventory: FabricInventory,
) -> None:
    report(inventory)
    live = (switch("leaf-1", boot={"serial": "CN1"}), switch("leaf-2"))
    outcome = inventory.sync(*live)
    assert outcome.report.problems == {FindingType.UNEXPECTED: 1}
    [finding] = outcome.report.findings
    assert (finding.what, finding.why) == (
        LEAF,
        "is another switch than expected: its serial number is SN-leaf-1, not CN1",
    )
    assert inventory.get(Model.DEVICE, LEAF)["serial"] == "CN1"
    assert inventory.get(Model.DEVICE, OTHER)["serial"] == "SN-leaf-2"
    assert not outcome.has_pending_work


TWO_CABLES = (
    switch("leaf-1", portBreakouts={"E1/9": "4x25G"}),
    switch("leaf-2"),
    *map(server, ("s-1", "s-2")),
    cable("c", "s-1/e1", "leaf-1/E1/5"),
    cable("d", "s-2/e1", "leaf-1/E1/6"),
)


def hear(inventory: FabricInventory, **neighbors: str) -> dict[str, Any]:
    """Let leaf-1 hear these servers, `E1_5` at `E1/5`; return its agent."""
    interfaces = {
        port.replace("_", "/"): {"oper": "up", "lldpNeighbors": [{"sysName": name}]}
        for port, name in neighbors.items()
    }
    agent = make_agent("leaf-1", interfaces, breakouts={"E1/9": {"mode": "1x100G"}})
    inventory.agents = [agent, make_agent("leaf-2", {})]
    return agent


in_memory = pytest.mark.parametrize("make_inventory", [FAKE], indirect=True)
"""Runs a test in the fake NetBox only: it depends on no rule of the real one."""


@in_memory
def test_findings_stay_while_their_switch_is_behind_and_go_once_it_has_applied(
    inventory: FabricInventory,
) -> None:
    hear(inventory, E1_5="s-2", E1_6="s-1")
    inventory.sync(*TWO_CABLES)
    known = inventory.sync(*TWO_CABLES)
    assert known.cabling
    assert [mismatch.port for mismatch in known.breakouts or ()] == ["E1/9"]
    agent = hear(inventory, E1_5="s-1", E1_6="s-2")
    agent["status"]["lastAppliedGen"] = 2
    for _ in range(2):
        behind = inventory.sync(*TWO_CABLES)
        assert (behind.cabling, behind.breakouts) == (known.cabling, known.breakouts)
    agent = hear(inventory, E1_5="s-1", E1_6="s-2")
    agent["status"]["state"]["breakouts"]["E1/9"]["mode"] = "4x25G"
    repaired = inventory.sync(*TWO_CABLES)
    assert (repaired.cabling, repaired.breakouts) == ((), ())


@in_memory
def test_first_reading_waits_for_a_second_one_whenever_that_comes(
    inventory: FabricInventory,
) -> None:
    hear(inventory, E1_5="s-2", E1_6="s-1")
    assert inventory.sync(*TWO_CABLES).cabling is None
    inventory.agents = None
    unread = inventory.sync(*TWO_CABLES)
    assert (unread.cabling, unread.breakouts, unread.has_pending_work) == (None, None, False)
    hear(inventory, E1_5="s-2", E1_6="s-1")
    assert inventory.sync(*TWO_CABLES).cabling


@scenario
def test_swapped_cables_are_details_of_both_once_two_readings_agree(
    inventory: FabricInventory,
) -> None:

    def observed() -> dict[str, str]:
        rows = {row["label"]: row for row in inventory.objects(Model.CABLE)}
        return {
            name: row["custom_fields"]["hh_details"]["observed"]
            for name, row in rows.items()
            if row["custom_fields"]["hh_details"]
        }

    hear(inventory, E1_5="s-2", E1_6="s-1")
    assert inventory.sync(*TWO_CABLES).has_pending_work
    assert observed() == {}
    outcome = inventory.sync(*TWO_CABLES)
    assert not outcome.has_pending_work
    assert outcome.cabling is not None
    [finding] = outcome.cabling
    assert (finding.type, finding.ends) == ("swapped", ("s-1/e1", "leaf-1/E1/5"))
    seen = "the switches see s-2 at leaf-1/E1/5."
    assert observed() == {
        "c": f"It is swapped with Connection/default/d: {seen}",
        "d": f"It is swapped with Connection/default/c: {seen}",
    }
    before = inventory.latest_change()
    inventory.agents = None
    inventory.sync(*TWO_CABLES)
    assert inventory.changes_since(before) == [], "what nobody reads changes nothing"
    hear(inventory, E1_5="s-1", E1_6="s-2")
    assert inventory.sync(*TWO_CABLES).cabling == ()
    assert observed() == {}


def test_templates_of_a_module_type_make_no_components(inventory: FabricInventory) -> None:
    """Only the real NetBox can tell: components from templates would lack the tag."""
    name = inventory.fabric_id
    maker = inventory.admin.create(PATHS[Model.MANUFACTURER], {"name": name, "slug": name})
    new = {"manufacturer": maker["id"], "model": "P1"}
    module_type = inventory.admin.create(PATHS[Model.MODULE_TYPE], new)
    port = {"module_type": module_type["id"], "name": "templated", "type": "other"}
    inventory.admin.create("dcim/interface-templates", port)
    report(inventory, leaf_1={"E1/5": optic("A1", "P1") | {"vendor": name}})
    assert inventory.sync(*WIRED).report.problems == {}
    row = modules(inventory)["leaf-1 E1/5"]
    assert row["module_type"]["id"] == module_type["id"]
    device = inventory.get(Model.DEVICE, LEAF)
    ports = inventory.admin.list_rows(PATHS[Model.INTERFACE], device_id=device["id"])
    assert sorted(port["name"] for port in ports) == ["E1/5", "M1"]


def test_moved_module_with_a_component_of_a_person_stays(inventory: FabricInventory) -> None:
    """Only the real NetBox limits what the user may view on devices of people."""
    report(inventory, leaf_1={"E1/5": optic("A1"), "E1/6": optic("A2")})
    inventory.sync(*WIRED)
    module = modules(inventory)["leaf-1 E1/5"]
    leaf = inventory.get(Model.DEVICE, LEAF)
    kind = {name: leaf[name]["id"] for name in ("site", "role", "device_type")}
    device = inventory.admin.create(PATHS[Model.DEVICE], kind | {"name": "of a person"})["id"]
    bay = inventory.admin.create(PATHS[Model.MODULE_BAY], {"device": device, "name": "1"})["id"]
    inventory.edit(Model.MODULE, module, device=device, module_bay=bay)
    port = {"device": device, "module": module["id"], "name": "console"}
    inventory.admin.create("dcim/console-ports", port)
    report(inventory, leaf_1={"E1/6": optic("A2")})
    assert sync_thrice(inventory) == 0
    outcome = inventory.sync(*WIRED)
    [finding] = outcome.report.findings
    assert (finding.what, finding.why) == (
        f"{LEAF}#E1/5",
        "stays in NetBox: it still has console port console",
    )


def test_bay_of_a_person_is_no_bay_of_the_fabric(inventory: FabricInventory) -> None:
    """NetBox lets a device have two bays of one name, of which one is the fabric's."""
    report(inventory)
    inventory.sync(*WIRED)
    device = inventory.get(Model.DEVICE, LEAF)
    bay = inventory.admin.create(PATHS[Model.MODULE_BAY], {"device": device["id"], "name": "E1/5"})
    report(inventory, leaf_1={"E1/5": optic("A1")})
    assert inventory.sync(*WIRED).report.problems == {}
    assert modules(inventory)["leaf-1 E1/5"]["module_bay"]["id"] != bay["id"]


@in_memory
def test_agent_of_no_switch_of_the_fabric_changes_nothing(inventory: FabricInventory) -> None:
    report(inventory)
    inventory.sync(*WIRED)
    assert inventory.agents is not None
    port = {"e1": {"oper": "up", "lldpNeighbors": [{"sysName": "leaf-2"}]}}
    inventory.agents = [*inventory.agents, make_agent("s-1", port), make_agent("leaf-9", port)]
    outcome = inventory.sync(*WIRED)
    assert (outcome.report.has_changes, outcome.cabling_seen) == (False, ())
