"""The rows that REST gets for the fields of inventory objects."""

import pytest

from activities.inventory.netbox.serializers import serialize_fields
from activities.netbox.client import Row
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
