"""Module bays and modules stay as long as nothing says that they are gone."""

from collections.abc import Mapping

from fabrics.inventory.compare.changes import Changes
from fabrics.inventory.model.existing import ExistingObject
from fabrics.inventory.model.facts import SwitchFacts, Transceiver
from fabrics.inventory.model.planned import Model
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.prune.policy import decide, filter_surely_absent
from tests.support.fabrics.objects import live_state
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.plans import DC1, switch

LEAF = "Switch/default/leaf-1"
FIRST, SECOND = Transceiver("FINISAR", "FTLX", "A1"), Transceiver("Dell", "DAC-1", "A2")
BAYS_AND_MODULES = (Model.MODULE_BAY, Model.MODULE)


def plan_optics(transceivers: Mapping[str, Transceiver] | None) -> Plan:
    """Return the plan of a switch with these transceivers, or with no facts if None."""
    facts = None if transceivers is None else SwitchFacts("CN1", "4.4", transceivers)
    return make_plan(live_state(switch("leaf-1"), switch("leaf-2")), DC1, {"leaf-1": facts})


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


def test_removed_switch_takes_its_bays_and_modules_with_it(netbox: FakeNetBox) -> None:
    netbox.sync(plan_optics({"E1/5": FIRST}))
    changes = netbox.sync(make_plan(live_state(switch("leaf-2")), DC1))
    gone = {model for model, key in absent(changes) if key.startswith(LEAF)}
    assert gone >= {Model.DEVICE, *BAYS_AND_MODULES}
