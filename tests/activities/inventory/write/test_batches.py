"""Lanes of writes: concurrent requests never change the same parent."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import cycle

import pytest

from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS
from activities.inventory.write.batches import DEFAULT_BATCH_SIZE, split_into_lanes
from fabrics.inventory.compare.changes import Write
from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import FieldValue, Model, Ref

LEAVES = tuple(f"Switch/default/leaf-{number}" for number in range(7))
ONE, OTHER = (Ref(Model.VRF, f"VPC/default/{name}") for name in ("one", "other"))
CHANGES: tuple[dict[str, FieldValue], ...] = (
    {},
    {"vrf": ONE},
    {"vrf": OTHER},
    {"mtu": 9036},
    {"vrf": None, "tagged_vlans": (Ref(Model.VLAN, "VPC/default/one#a"),)},
)


def ports(device: Ref) -> Iterator[Write]:
    """Yield writes of ports: new ones, some that enter VRFs, and other changes."""
    for number, fields in zip(range(20), cycle(CHANGES), strict=False):
        ref = Ref(Model.INTERFACE, f"{device.key}#E1/{number}")
        if fields:
            yield Write(ref, ObjectId(Model.INTERFACE, number), fields)
        else:
            yield Write(ref, None, {"device": device, "name": f"E1/{number}", "vrf": ONE}, ref.key)


def test_ports_of_device_are_written_in_one_lane() -> None:
    stage = tuple(write for leaf in LEAVES for write in ports(Ref(Model.DEVICE, leaf)))
    lanes = split_into_lanes(stage)
    assert len(lanes) == MAX_CONCURRENT_REQUESTS
    batches = [batch for lane in lanes for batch in lane]
    written = Counter(write.ref for batch in batches for write in batch.writes)
    assert written == Counter(write.ref for write in stage)
    assert all(len(batch.writes) <= DEFAULT_BATCH_SIZE for batch in batches)
    assert all(len({write.id is None for write in batch.writes}) == 1 for batch in batches)
    lanes_by_device: dict[str, set[int]] = defaultdict(set)
    for number, lane in enumerate(lanes):
        for write in (write for batch in lane for write in batch.writes):
            lanes_by_device[write.ref.key.partition("#")[0]].add(number)
    assert lanes_by_device.keys() == set(LEAVES)
    assert all(len(lane_numbers) == 1 for lane_numbers in lanes_by_device.values())


@pytest.mark.parametrize(
    ("model", "rows"), [(Model.VRF, 50), (Model.DEVICE, 25), (Model.CABLE, 20)]
)
def test_rows_of_a_request_are_bounded(model: Model, rows: int) -> None:
    stage = tuple(Write(Ref(model, f"{number}"), None, {}, f"{number}") for number in range(1_000))
    sizes = [len(batch.writes) for lane in split_into_lanes(stage) for batch in lane]
    assert (sum(sizes), max(sizes)) == (len(stage), rows)


def test_modules_of_one_type_are_written_in_one_lane() -> None:
    """NetBox counts them in the row of their type."""
    types = [Ref(Model.MODULE_TYPE, f"acme/{number}") for number in range(4)]
    stage = tuple(
        Write(
            Ref(Model.MODULE, f"{leaf}#E1/{number}"),
            None,
            {"device": Ref(Model.DEVICE, leaf), "module_type": module_type},
            f"{leaf}#E1/{number}",
        )
        for leaf in LEAVES
        for number, module_type in enumerate(types)
    )
    lanes = split_into_lanes(stage)
    assert len(lanes) == MAX_CONCURRENT_REQUESTS
    types_by_lane = [
        {write.fields["module_type"] for batch in lane for write in batch.writes} for lane in lanes
    ]
    assert sum(map(len, types_by_lane)) == len(types)
