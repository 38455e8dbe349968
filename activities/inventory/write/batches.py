"""How writes become requests: of a size that NetBox takes in a second or two, and none beside another
that changes the same parent, since PostgreSQL would find the two in a deadlock."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched
from typing import Final

from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS, Method
from fabrics.inventory.compare.changes import Stage, Write
from fabrics.inventory.model.planned import Model, Ref

DEFAULT_BATCH_SIZE: Final = 50
BATCH_SIZES: Final = {Model.CABLE: 20, Model.DEVICE: 25}
"""Objects of a request; more would make none faster, and one that is refused holds up more."""

PARENT_FIELDS: Final = (
    "device",
    "group",
    "vrf",
    "device_type",
    "assigned_object",
    "a_terminations",
)
"""Fields that say what an object is part of, the first of them that it has."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Writes of one request: either all create or all change objects of one model."""

    model: Model
    writes: tuple[Write, ...]

    @property
    def is_create(self) -> bool:
        return self.writes[0].id is None

    @property
    def method(self) -> Method:
        return "POST" if self.is_create else "PATCH"


type Lane = list[Batch]
"""Requests that are made one after the other."""


def split_into_lanes(stage: Stage) -> list[Lane]:
    """The requests of a stage, for as many writers as there may be."""
    families: dict[str, list[Write]] = defaultdict(list)
    for write in stage:
        families[get_parent_key(write)].append(write)
    shares: list[list[Write]] = [[] for _ in range(MAX_CONCURRENT_REQUESTS)]
    for _, family in sorted(families.items(), key=lambda each: (-len(each[1]), each[0])):
        min(shares, key=len).extend(sorted(family, key=lambda each: each.ref))
    return [list(_split_into_batches(share)) for share in shares if share]


def get_parent_key(write: Write) -> str:
    """The key of what the object is part of: ports, and what is at them, are part of a device."""
    # An interface is part of its device whatever of it changes, be it the VRF.
    names = ("device",) if write.ref.model is Model.INTERFACE else PARENT_FIELDS
    for name in names:
        value = write.fields.get(name)
        first = value[0] if isinstance(value, tuple) and value else value
        if isinstance(first, Ref):
            return first.key.partition("#")[0] if first.model is Model.INTERFACE else first.key
    return write.ref.key.partition("#")[0]


def _split_into_batches(writes: Iterable[Write]) -> Iterator[Batch]:
    listed = list(writes)
    for creates in (False, True):
        same = [each for each in listed if (each.id is None) is creates]
        for some in batched(same, BATCH_SIZES.get(listed[0].ref.model, DEFAULT_BATCH_SIZE)):
            yield Batch(some[0].ref.model, some)
