"""The rows that REST gets for the fields of inventory objects."""

from typing import cast

import pytest

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.serializers import (
    build_catalogue_filters,
    parse_row,
    serialize_fields,
)
from activities.inventory.read.reader import Reader
from activities.inventory.write.writer import Writer
from activities.netbox.client import Row
from fabrics.inventory.compare.changes import Write
from fabrics.inventory.model.dcim import Platform
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.modules import ModuleType
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


def test_catalogue_objects_are_listed_by_slug_or_name_in_any_case() -> None:
    platforms = [Platform(key=name, name=f"{name} (R)", slug=name) for name in ("sonic", "cumulus")]
    assert build_catalogue_filters(Model.PLATFORM, platforms) == (
        '{ slug: { in_list: ["cumulus", "sonic"] },'
        ' OR: { name: { i_regex: "^(cumulus\\\\ \\\\(R\\\\)|sonic\\\\ \\\\(R\\\\))$" } } }'
    )
    maker = Ref(Model.MANUFACTURER, "finisar")
    types = [ModuleType(key=f"finisar/{m}", manufacturer=maker, model=m) for m in ('A"B', "FTLX/1")]
    assert build_catalogue_filters(Model.MODULE_TYPE, types) == (
        '{ model: { i_regex: "^(A\\"B|FTLX/1)$" } }'
    )


def test_shared_object_has_no_key() -> None:
    row = {"id": "5", "name": "SONiC", "slug": "sonic-os"}
    assert parse_row(Model.PLATFORM, row) == ExistingObject(
        ObjectId(Model.PLATFORM, 5), "", {"name": "SONiC", "slug": "sonic-os"}
    )


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
