"""Serial numbers, software versions and transceivers, as switches observe them."""

import pytest

from fabrics.agents.facts import AgentFacts, FactsBySwitch, Transceiver
from fabrics.inventory.model.dcim import Cable, Device, Manufacturer
from fabrics.inventory.model.modules import Module, ModuleBay, ModuleType
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.resources.json_types import Json
from tests.support.fabrics.objects import live_state
from tests.support.inventory.plan_invariants import check
from tests.support.inventory.plans import DC1, connection, keys, one, skipped, switch

LEAF = "Switch/default/leaf-1"
OPTIC = Transceiver("FINISAR CORP.", "FTLX8571D3BCV", "AHT1", "SFP+")


def plan_leaf(facts: AgentFacts, boot: Json = None) -> Plan:
    """Return the plan of one switch with one observed fact sheet."""
    made = make_plan(live_state(switch("leaf-1", boot=boot)), DC1, {"leaf-1": facts})
    check(made)
    return made


def plan_optics(**transceivers: Transceiver) -> Plan:
    """Return the plan of a switch with these transceivers; `E1_5_1` is `E1/5/1`."""
    by_port = {name.replace("_", "/"): optic for name, optic in transceivers.items()}
    return plan_leaf(AgentFacts(transceivers=by_port))


@pytest.mark.parametrize(
    ("stated", "reported", "serial", "is_unexpected"),
    [
        ("", "CN2", "CN2", False),
        ("", " CN2 ", "CN2", False),
        ("", "two words", "", False),
        ("", "x" * 51, "", False),
        ("CN1", "", "CN1", False),
        ("CN1", "cn1", "CN1", False),
        ("CN1", "CN2", "CN1", True),
    ],
)
def test_stated_serial_number_wins_and_a_difference_is_said(
    stated: str, reported: str, serial: str, is_unexpected: bool
) -> None:
    made = plan_leaf(AgentFacts(serial_number=reported), boot={"serial": stated})
    assert one(made, Device, LEAF).serial == serial
    reason = f"is another switch than expected: its serial number is {reported}, not {stated}"
    assert made.unexpected_switches == (((LEAF, reason),) if is_unexpected else ())


def test_software_version_is_a_field_of_the_device() -> None:
    made = plan_leaf(AgentFacts(software_version="4.4.2\n-Enterprise"))
    assert one(made, Device, LEAF).nos_version == "4.4.2 -Enterprise"


def test_transceiver_is_a_module_in_the_bay_of_its_cage() -> None:
    made = plan_optics(**{f"E1_5_{lane}": OPTIC for lane in (1, 2, 3, 4)}, E1_7=OPTIC)
    bays = [bay for bay in made.objects if isinstance(bay, ModuleBay)]
    assert [(bay.key, bay.name, bay.device.key) for bay in bays] == [
        (f"{LEAF}#E1/5", "E1/5", LEAF),
        (f"{LEAF}#E1/7", "E1/7", LEAF),
    ]
    module_type = one(made, ModuleType, "finisar-corp/FTLX8571D3BCV")
    assert (module_type.part_number, module_type.description) == ("FTLX8571D3BCV", "SFP+")
    assert one(made, Manufacturer, "finisar-corp").name == "FINISAR CORP."
    module = one(made, Module, f"{LEAF}#E1/5")
    assert module == Module(
        key=f"{LEAF}#E1/5",
        device=Ref(Model.DEVICE, LEAF),
        module_bay=bays[0].ref,
        module_type=module_type.ref,
        serial="AHT1",
    )
    assert (made.unobserved, skipped(made)) == (frozenset(), {})


def test_transceiver_with_odd_texts_is_shown_as_netbox_accepts_it() -> None:
    odd = Transceiver("V" * 120, "P" * 80, "S" * 90, " QSFP\x00\n28" + "F" * 300)
    made = plan_optics(E1_5=odd)
    [key] = keys(made, ModuleType)
    module_type = one(made, ModuleType, key)
    assert module_type.part_number.startswith("PPP")
    assert len(module_type.part_number) == 50
    assert module_type.description == "QSFP 28".ljust(200, "F")
    assert len(one(made, Manufacturer, module_type.manufacturer.key).name) == 100
    assert one(made, Module, f"{LEAF}#E1/5").serial == "S" * 50


@pytest.mark.parametrize(
    "unread", [Transceiver("", "P1", "AHT1"), Transceiver("Acme", "\x00", "A")]
)
def test_transceiver_without_vendor_or_part_number_is_not_known(unread: Transceiver) -> None:
    made = plan_optics(E1_5=unread, E1_6=OPTIC)
    assert made.unobserved == {Ref(Model.MODULE, f"{LEAF}#E1/5")}
    assert keys(made, Module) == [f"{LEAF}#E1/6"]


def test_first_lane_that_is_identified_tells_the_transceiver() -> None:
    unread = Transceiver("", "part number only")
    made = plan_optics(E1_5_1=unread, E1_5_2=OPTIC, E1_5_3=Transceiver("a", "b"))
    assert one(made, Module, f"{LEAF}#E1/5").serial == "AHT1"
    assert made.unobserved == frozenset()


@pytest.mark.parametrize(
    "facts",
    [{}, {"leaf-1": AgentFacts()}, {"leaf-2": AgentFacts(serial_number="CN9", transceivers={})}],
)
def test_switch_without_facts_is_not_observed(facts: FactsBySwitch) -> None:
    made = make_plan(live_state(switch("leaf-1", boot={})), DC1, facts)
    assert made.unobserved == {Ref(Model.DEVICE, LEAF)}
    assert one(made, Device, LEAF).create_only_fields >= {"serial", "nos_version"}


def test_facts_change_nothing_but_their_switch() -> None:
    live = live_state(
        switch("leaf-1"),
        switch("leaf-2"),
        connection("m", "mesh", {"leaf1": "leaf-1/E1/5", "leaf2": "leaf-2/E1/5"}),
    )
    facts = {"leaf-1": AgentFacts(serial_number="CN1", transceivers={"E1/5": OPTIC, "E1/9": OPTIC})}
    plain, observed = make_plan(live, DC1), make_plan(live, DC1, facts)
    changed = [planned for planned in plain.objects if planned not in observed.objects]
    assert [planned.ref for planned in changed] == [Ref(Model.DEVICE, LEAF)]


@pytest.mark.parametrize("cage", ["E 1/5", "E1/" + "5" * 70, "Ä1/5", ""])
def test_cage_with_a_name_that_no_port_has_is_left_out(cage: str) -> None:
    made = plan_leaf(AgentFacts(transceivers={cage: OPTIC, "E1/6": OPTIC}))
    assert keys(made, ModuleBay) == [f"{LEAF}#E1/6"]
    assert made.unobserved == frozenset()


def test_cables_keep_what_netbox_says_of_them_until_somebody_reads_it() -> None:
    live = live_state(
        switch("leaf-1"),
        switch("leaf-2"),
        connection("m", "mesh", {"leaf1": "leaf-1/E1/5", "leaf2": "leaf-2/E1/5"}),
    )
    key = "Connection/default/m#leaf-1/E1/5"
    unread = one(make_plan(live, DC1), Cable, key)
    assert "details" in unread.create_only_fields
    for cabling, details in (({}, {}), ({key: "It is swapped."}, {"observed": "It is swapped."})):
        read = one(make_plan(live, DC1, cabling=cabling), Cable, key)
        assert read.details == details
        assert "details" not in read.create_only_fields
