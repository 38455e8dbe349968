"""Catalogue objects are known by their slugs, or by their names in any case."""

import pytest

from fabrics.inventory.compare.catalogue_matching import match_catalogue
from fabrics.inventory.compare.changes import find_changes
from fabrics.inventory.model.dcim import DeviceRole, DeviceType, Manufacturer
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.modules import ModuleType
from fabrics.inventory.model.planned import Model, PlannedObject, Ref
from tests.support.inventory.fake_netbox import FakeNetBox
from tests.support.inventory.frame_sync import sync_frame

DELL = Manufacturer(key="dell", name="Dell", slug="dell")
S5248 = DeviceType(
    key="dell-s5248f-on", manufacturer=DELL.ref, model="Dell S5248F-ON", slug="dell-s5248f-on"
)
SFP = ModuleType(key="dell/AOC-25G", manufacturer=DELL.ref, model="AOC-25G", part_number="AOC-25G")
LEAF = DeviceRole(key="hh-leaf", name="Hedgehog leaf", slug="hh-leaf")


def row(planned: PlannedObject, number: int, **values: object) -> ExistingObject:
    """Return an object of manufacturer 1 like the planned one, with other values."""
    fields = {**planned.fields(), **values}
    if "manufacturer" in fields and "manufacturer" not in values:
        fields["manufacturer"] = ObjectId(Model.MANUFACTURER, 1)
    return ExistingObject(ObjectId(planned.MODEL, number), "", fields)


@pytest.mark.parametrize(
    ("planned", "values"),
    [
        (DELL, {}),
        (DELL, {"name": "Dell EMC"}),
        (DELL, {"slug": "dell-technologies"}),
        (DELL, {"slug": "dell-technologies", "name": "DELL"}),
        (LEAF, {"slug": "leaf", "name": "hedgehog LEAF", "color": ""}),
        (S5248, {"slug": "s5248", "model": "dell s5248f-on"}),
        (S5248, {"model": "PowerSwitch"}),
        (SFP, {"model": "aoc-25g", "part_number": ""}),
    ],
)
def test_object_is_known_by_slug_or_name(planned: PlannedObject, values: dict[str, object]) -> None:
    rows = [row(DELL, 1, slug="dell-inc"), row(planned, 7, **values)]
    rows = rows[1:] if planned is DELL else rows
    assert match_catalogue([planned, DELL], rows)[planned.ref] == rows[-1].id


@pytest.mark.parametrize(("planned", "values"), [(S5248, {"slug": "other"}), (SFP, {})])
def test_type_of_another_manufacturer_is_another_type(
    planned: PlannedObject, values: dict[str, object]
) -> None:
    other = ObjectId(Model.MANUFACTURER, 2)
    rows = [row(DELL, 1), row(planned, 7, manufacturer=other, **values)]
    assert match_catalogue([DELL, planned], rows).keys() == {DELL.ref}


def test_no_object_is_two_planned_ones() -> None:
    """The one of the slug has the name of another."""
    emc = Manufacturer(key="dell-emc", name="Dell EMC", slug="dell-emc")
    mixed = row(DELL, 1, name="Dell EMC")
    assert match_catalogue([emc, DELL], [mixed]) == {DELL.ref: mixed.id}
    assert match_catalogue([emc], [mixed], {DELL.ref: mixed.id}) == {}


def test_oldest_of_several_is_taken() -> None:
    rows = [row(LEAF, number, slug=f"leaf-{number}") for number in (9, 4, 7)]
    assert match_catalogue([LEAF], rows)[LEAF.ref].number == 4


def test_catalogue_object_that_nothing_refers_to_is_not_created() -> None:
    netbox = FakeNetBox()
    plan, _ = sync_frame(netbox)
    maker, kind, role = (
        Ref(Model.MANUFACTURER, "hedgehog"),
        Ref(Model.DEVICE_TYPE, "hedgehog-server"),
        Ref(Model.DEVICE_ROLE, "hh-server"),
    )
    assert {maker, kind, role} <= netbox.shared.keys()
    for ref in (maker, kind):  # people use others, which the fabric does not know
        del netbox.shared[ref]
    assert find_changes(plan, netbox.existing).total_writes == 0
