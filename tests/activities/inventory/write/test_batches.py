"""Writes are shared out among requests so that no two requests beside each other touch one parent."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import cycle

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
    """Ports of a device: some are new, some come into VRFs, and some change otherwise."""
    for number, fields in zip(range(20), cycle(CHANGES), strict=False):
        ref = Ref(Model.INTERFACE, f"{device.key}#E1/{number}")
        if fields:
            yield Write(ref, ObjectId(Model.INTERFACE, number), fields)
        else:
            yield Write(ref, None, {"device": device, "name": f"E1/{number}", "vrf": ONE}, ref.key)


def test_all_ports_of_a_device_are_written_one_after_the_other() -> None:
    stage = tuple(write for leaf in LEAVES for write in ports(Ref(Model.DEVICE, leaf)))
    made = split_into_lanes(stage)
    assert len(made) == MAX_CONCURRENT_REQUESTS
    batches = [batch for lane in made for batch in lane]
    written = Counter(write.ref for batch in batches for write in batch.writes)
    assert written == Counter(write.ref for write in stage)
    assert all(len(batch.writes) <= DEFAULT_BATCH_SIZE for batch in batches)
    assert all(len({write.id is None for write in batch.writes}) == 1 for batch in batches)
    where: dict[str, set[int]] = defaultdict(set)
    for number, lane in enumerate(made):
        for write in (write for batch in lane for write in batch.writes):
            where[write.ref.key.partition("#")[0]].add(number)
    assert where.keys() == set(LEAVES)
    assert all(len(numbers) == 1 for numbers in where.values())
