"""How many objects one request deletes."""

from collections.abc import Sequence
from typing import override

import pytest

from activities.inventory.netbox.client import InventoryNetBox, Method
from activities.inventory.prune import pruner
from activities.inventory.prune.pruner import BATCH_SIZE, Pruner
from activities.netbox.client import Row
from fabrics.inventory.model.existing import ExistingObject, ObjectId
from fabrics.inventory.model.planned import Model


class DeletingNetBox(InventoryNetBox):
    """Deletes everything, and counts the rows of each request."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.sizes: list[int] = []

    @override
    def write(self, method: Method, path: str, rows: Sequence[Row]) -> list[Row]:
        assert method == "DELETE"
        self.sizes.append(len(rows))
        return []


def test_many_objects_are_deleted_in_several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruner, "find_dependents", lambda *_arguments: {})
    monkeypatch.setattr(pruner, "find_claimants", lambda *_arguments: {})
    objects = [
        ExistingObject(ObjectId(Model.VRF, number), f"VPC/default/{number}", {})
        for number in range(2 * BATCH_SIZE + 1)
    ]
    netbox, progress = DeletingNetBox(), list[int]()
    Pruner(netbox, "Trial").delete(objects, progress.append)
    assert netbox.sizes == [BATCH_SIZE, BATCH_SIZE, 1]
    assert progress[-1] == len(objects)
