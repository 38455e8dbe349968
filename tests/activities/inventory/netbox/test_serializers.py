"""The rows that REST gets for the fields of inventory objects."""

from typing import cast

import pytest

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.serializers import (
    build_shared_list,
    parse_row,
    parse_shared_key,
    serialize_fields,
)
from activities.inventory.read.reader import Reader
from activities.inventory.write.writer import Writer
from activities.netbox.client import Row
from fabrics.inventory.compare.changes import Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import FieldValue, Model, Ref

SITE = Ref(Model.SITE, "north")


@pytest.mark.parametrize(
    ("model", "fields", "row"),
    [
        (
            Model.DEVICE,
            {"name": "leaf-1", "site": SITE},
            {
                "name": "leaf-1",
                "site": 7,
                "location": None,
                "rack": None,
                "position": None,
                "face": "",
            },
        ),
        (Model.DEVICE, {"name": "leaf-1"}, {"name": "leaf-1"}),
        (Model.INTERFACE, {"mode": "tagged"}, {"mode": "tagged", "qinq_svlan": None}),
        (Model.INTERFACE, {"name": "E1/1"}, {"name": "E1/1"}),
    ],
)
def test_dependent_fields_are_cleared_with_field(
    model: Model, fields: dict[str, FieldValue], row: Row
) -> None:
    assert serialize_fields(model, fields, {SITE: 7}.__getitem__) == row


def test_custom_fields_are_written_together() -> None:
    fields: dict[str, FieldValue] = {"details": {"asn": 65101}, "nos_version": "4.4", "serial": "x"}
    row = serialize_fields(Model.DEVICE, fields, {SITE: 7}.__getitem__)
    assert row == {
        "serial": "x",
        "custom_fields": {"hh_details": {"asn": 65101}, "hh_nos_version": "4.4"},
    }
    empty = serialize_fields(Model.DEVICE, {"details": {}}, {SITE: 7}.__getitem__)
    assert empty == {"custom_fields": {"hh_details": None}}


def test_module_types_are_found_by_manufacturer_and_model() -> None:
    keys = ["finisar/FTLX/1", 'dell/A"B']
    assert build_shared_list(Model.MODULE_TYPE, keys) == (
        '{ model: { in_list: ["A\\"B", "FTLX/1"] } }',
        "id model manufacturer { slug }",
    )
    row = {"id": "5", "model": "FTLX/1", "manufacturer": {"slug": "finisar"}}
    assert parse_shared_key(Model.MODULE_TYPE, row) == keys[0]
    assert parse_shared_key(Model.PLATFORM, {"id": "5", "slug": "sonic"}) == "sonic"


def test_module_is_read_and_written_by_its_references() -> None:
    bay, device, kind = (
        Ref(Model.MODULE_BAY, "b"),
        Ref(Model.DEVICE, "d"),
        Ref(Model.MODULE_TYPE, "t"),
    )
    ids = {ref: ObjectId(ref.model, number) for number, ref in enumerate((bay, device, kind), 1)}
    fields: dict[str, FieldValue] = {
        "device": device,
        "module_bay": bay,
        "module_type": kind,
        "serial": "AHT1",
    }
    writer = Writer(cast(InventoryNetBox, None), cast(Reader, None), "dc1", "message")
    created = writer.serialize(Write(Ref(Model.MODULE, "b"), None, fields, "b"), ids)
    assert created == {
        "device": 2,
        "module_bay": 1,
        "module_type": 3,
        "serial": "AHT1",
        "replicate_components": False,
        "changelog_message": "message",
        "tags": [{"slug": "hedgehog-sync"}],
        "custom_fields": {"hh_fabric": "dc1", "hh_key": "b"},
    }
    changed = Write(Ref(Model.MODULE, "b"), ObjectId(Model.MODULE, 9), {"serial": "AHT2"})
    assert writer.serialize(changed, ids) == {
        "id": 9,
        "serial": "AHT2",
        "changelog_message": "message",
    }
    row = {
        "id": "9",
        "device": {"id": "2"},
        "module_bay": {"id": "1"},
        "module_type": {"id": "3"},
        "serial": "AHT1",
        "custom_field_data": {"hh_key": "b"},
    }
    existing = parse_row(Model.MODULE, row)
    assert existing.resolve_values({id_: ref for ref, id_ in ids.items()}) == fields
