"""How often a request to NetBox is sent that fails again and again."""

from collections.abc import Sequence
from typing import override

import pytest

from activities.errors import TransientError
from activities.inventory.netbox.client import InventoryNetBox, Method
from activities.inventory.read.reader import Reader
from activities.inventory.write.batches import Batch
from activities.inventory.write.writer import MAX_ATTEMPTS, Writer
from activities.netbox.client import Row
from fabrics.inventory.compare.changes import Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model, Ref


class UnavailableNetBox(InventoryNetBox):
    """Counts the requests that it does not answer."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.requests = 0

    @override
    def write(self, method: Method, path: str, rows: Sequence[Row]) -> list[Row]:
        self.requests += 1
        raise TransientError("NetBox is not available at the moment.")


def test_request_is_given_up_after_its_last_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    netbox = UnavailableNetBox()
    write = Write(Ref(Model.VRF, "a"), ObjectId(Model.VRF, 1), {"name": "a"}, "a")
    with pytest.raises(TransientError, match="not available at the moment"):
        Writer(netbox, Reader(netbox, "dc1"), "dc1", "").send(Batch(Model.VRF, (write,)), {})
    assert netbox.requests == MAX_ATTEMPTS
    assert len(waits) == MAX_ATTEMPTS - 1
    assert max(waits) <= 5
