"""A refused object is not sent again and again, and delays no other."""

from collections import Counter
from collections.abc import Container, Sequence
from typing import override

import pytest

from activities.inventory.netbox.client import InventoryNetBox, Method, RowsRefused
from activities.inventory.read.reader import Reader
from activities.inventory.write.batches import DEFAULT_BATCH_SIZE, Batch
from activities.inventory.write.writer import Writer
from activities.netbox.client import Row
from activities.netbox.http import BadRequest
from fabrics.inventory.compare.changes import Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model, Ref

MOST_REPETITIONS = 7
"""The times that a batch of 50 can be halved, and one more."""


class RefusingNetBox(InventoryNetBox):
    """Refuses some names; `names_rows` if it says which rows these are."""

    def __init__(self, refused: Container[str], *, names_rows: bool) -> None:
        super().__init__("http://127.0.0.1:1", "none", connect_timeout=1, timeout=1)
        self.sent: list[list[str]] = []
        self._refused = refused
        self._names_rows = names_rows

    @override
    def write(self, method: Method, path: str, rows: Sequence[Row]) -> list[Row]:
        self.sent.append([row["name"] for row in rows])
        reasons = {n: "Taken." for n, row in enumerate(rows) if row["name"] in self._refused}
        if reasons:
            raise RowsRefused("Taken.", reasons) if self._names_rows else BadRequest("Taken.")
        return [{"id": number} for number, _ in enumerate(rows, 1)]


class EmptyReader(Reader):
    """Finds nothing that exists already."""

    @override
    def find_created(self, model: Model) -> dict[str, ObjectId]:
        return {}


def send(netbox: RefusingNetBox, method: Method) -> dict[str, str]:
    """Send a full batch of VRFs; return the reasons of the refused ones by name."""
    names = [f"vrf-{number}" for number in range(DEFAULT_BATCH_SIZE)]
    writes = tuple(
        Write(
            Ref(Model.VRF, name),
            ObjectId(Model.VRF, number) if method == "PATCH" else None,
            {"name": name},
            name,
        )
        for number, name in enumerate(names)
    )
    results = Writer(netbox, EmptyReader(netbox, "dc1"), "dc1", "").send(
        Batch(Model.VRF, writes), {}
    )
    assert Counter(result.write.ref.key for result in results) == Counter(names)
    return {result.write.ref.key: result.reason for result in results if result.id is None}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_named_rows_are_sent_once(method: Method) -> None:
    netbox = RefusingNetBox({"vrf-0", "vrf-30", "vrf-49"}, names_rows=True)
    assert send(netbox, method) == dict.fromkeys(("vrf-0", "vrf-30", "vrf-49"), "Taken.")
    assert [len(names) for names in netbox.sent] == [50, 47]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_rows_that_are_not_named_are_found_by_halves(method: Method) -> None:
    netbox = RefusingNetBox({"vrf-3"}, names_rows=False)
    assert send(netbox, method) == {"vrf-3": "Taken."}
    repetitions = Counter(name for names in netbox.sent for name in names)
    assert max(repetitions.values()) == repetitions["vrf-3"] <= MOST_REPETITIONS


def test_refused_batch_takes_less_than_two_requests_for_each_row() -> None:
    everything = {f"vrf-{number}" for number in range(DEFAULT_BATCH_SIZE)}
    netbox = RefusingNetBox(everything, names_rows=False)
    assert send(netbox, "POST").keys() == everything
    assert len(netbox.sent) < 2 * DEFAULT_BATCH_SIZE
