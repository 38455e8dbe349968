"""Module bays and modules stay as long as nothing says that they are gone."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fabrics.agents.facts import AgentFacts, Transceiver
from fabrics.inventory.compare.changes import Changes
from fabrics.inventory.model.existing import ExistingObject
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.prune.policy import decide, filter_surely_absent
from tests.support.fabrics.objects import live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import DC1, switch

LEAF, OTHER = "Switch/default/leaf-1", "Switch/default/leaf-2"
FIRST, SECOND = Transceiver("FINISAR", "FTLX", "A1"), Transceiver("Dell", "DAC-1", "A2")
BAYS_AND_MODULES = (Model.MODULE_BAY, Model.MODULE)


def plan_optics(*transceivers: Mapping[str, Transceiver] | None) -> Plan:
    """Return the plan of two switches with these transceivers; None are no facts."""
    facts = {
        f"leaf-{number}": AgentFacts(
            serial_number="CN1", software_version="4.4", transceivers=optics
        )
        for number, optics in enumerate(transceivers, 1)
        if optics is not None
    }
    return make_plan(live_state(switch("leaf-1"), switch("leaf-2")), DC1, facts)


def absent(changes: Changes) -> list[tuple[Model, str]]:
    """Return the model and the key of all absent objects."""
    return sorted((row.id.model, row.key) for row in changes.absent)


def count_passes_to_deletion(changes: Changes) -> int:
    """Return the number of equal passes after which the absent objects are deleted."""
    live = live_state(switch("leaf-1"), switch("leaf-2"))
    surely_absent = filter_surely_absent(changes.absent, live, frozenset())
    decision = decide(surely_absent, {}, {})
    passes = 1
    while not decision.to_delete:
        decision = decide(surely_absent, decision.absence_counts, {})
        passes += 1
    assert len(decision.to_delete) == len(changes.absent)
    return passes


def rows(netbox: FakeNetBox, model: Model) -> list[ExistingObject]:
    return [row for row in netbox.rows.values() if row.id.model is model]


def test_facts_are_written_once(netbox: FakeNetBox) -> None:
    optics = {"E1/5": FIRST, "E1/6/1": SECOND, "E1/6/2": SECOND}
    netbox.sync(plan_optics(optics))
    assert len(rows(netbox, Model.MODULE_BAY)) == len(rows(netbox, Model.MODULE)) == 2
    assert netbox.sync(plan_optics(optics)).total_writes == 0


def test_swapped_transceiver_changes_its_module_in_one_write(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}))
    [before] = rows(netbox, Model.MODULE)
    changes = netbox.sync(plan_optics({"E1/5": SECOND}))
    [after] = rows(netbox, Model.MODULE)
    assert before.id == after.id
    assert after.values["serial"] == "A2"
    writes = [write for stage in changes.stages for write in stage]
    changed = [write for write in writes if write.ref.model is Model.MODULE]
    assert [(write.id, set(write.fields)) for write in changed] == [
        (before.id, {"module_type", "serial"})
    ]
    assert absent(changes) == []


def test_pulled_transceiver_leaves_its_bay(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}))
    [bay] = rows(netbox, Model.MODULE_BAY)
    changes = netbox.sync(plan_optics({}))
    assert absent(changes) == [(Model.MODULE, f"{LEAF}#E1/5")]
    assert count_passes_to_deletion(changes) == 3
    netbox.delete(*changes.absent)
    assert absent(netbox.sync(plan_optics({}))) == []
    netbox.sync(plan_optics({"E1/5": SECOND}))
    assert rows(netbox, Model.MODULE_BAY) == [bay]
    assert [row.values["module_bay"] for row in rows(netbox, Model.MODULE)] == [bay.id]


def test_switch_without_facts_keeps_all_that_was_observed(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}))
    changes = netbox.sync(plan_optics(None))
    assert (changes.total_writes, changes.absent) == (0, ())
    [device] = [row for row in rows(netbox, Model.DEVICE) if row.key == LEAF]
    assert (device.values["serial"], device.values["nos_version"]) == ("CN1", "4.4")


def test_transceiver_that_nobody_can_read_keeps_its_module(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}))
    changes = netbox.sync(plan_optics({"E1/5": Transceiver()}))
    assert (changes.total_writes, changes.absent) == (0, ())


def move(netbox: FakeNetBox, key: str, bay: str) -> ExistingObject:
    """Put a module into another bay, as a person does; return it."""
    [module] = [row for row in rows(netbox, Model.MODULE) if row.key == key]
    [place] = [row for row in rows(netbox, Model.MODULE_BAY) if row.key == bay]
    values = {"module_bay": place.id, "device": place.values["device"]}
    moved = replace(module, values={**module.values, **values})
    netbox.put(moved)
    return moved


def places(netbox: FakeNetBox) -> dict[str, str]:
    """Return the serial numbers of all modules by the keys of their bays."""
    return {
        netbox.rows[row.values["module_bay"]].key: row.values["serial"]
        for row in rows(netbox, Model.MODULE)
    }


@pytest.mark.parametrize("bay", [f"{LEAF}#E1/6", f"{OTHER}#E1/6"])
def test_module_that_a_person_moved_is_deleted_and_made_anew(netbox: FakeNetBox, bay: str) -> None:
    empty = {"E1/6": SECOND}
    netbox.sync(plan_optics({"E1/5": FIRST, **empty}, empty))
    netbox.delete(*(row for row in rows(netbox, Model.MODULE) if row.key.endswith("E1/6")))
    moved = move(netbox, f"{LEAF}#E1/5", bay)
    changes = netbox.sync(plan_optics({"E1/5": SECOND}, {}))
    assert [row.id for row in changes.absent] == [moved.id]
    assert places(netbox) == {f"{LEAF}#E1/5": "A2", bay: "A1"}
    netbox.delete(moved)
    assert netbox.sync(plan_optics({"E1/5": SECOND}, {})).total_writes == 0


def test_module_that_moved_with_its_transceiver_keeps_its_id(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}, {"E1/6": SECOND}))
    netbox.delete(*(row for row in rows(netbox, Model.MODULE) if row.key.startswith(OTHER)))
    moved = move(netbox, f"{LEAF}#E1/5", f"{OTHER}#E1/6")
    changes = netbox.sync(plan_optics({"E1/5": SECOND}, {"E1/6": FIRST}))
    assert absent(changes) == []
    assert netbox.by_ref()[Ref(Model.MODULE, f"{OTHER}#E1/6")] == moved.id
    assert places(netbox) == {f"{LEAF}#E1/5": "A2", f"{OTHER}#E1/6": "A1"}


def test_swapped_modules_keep_their_bays(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST, "E1/6": SECOND}))
    before = {row.id: row.values["module_bay"] for row in rows(netbox, Model.MODULE)}
    changes = netbox.sync(plan_optics({"E1/5": SECOND, "E1/6": FIRST}))
    assert changes.total_writes == 2
    assert {row.id: row.values["module_bay"] for row in rows(netbox, Model.MODULE)} == before


def test_removed_switch_takes_its_bays_and_modules_with_it(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}))
    changes = netbox.sync(make_plan(live_state(switch("leaf-2")), DC1))
    gone = {model for model, key in absent(changes) if key.startswith(LEAF)}
    assert gone >= {Model.DEVICE, *BAYS_AND_MODULES}
