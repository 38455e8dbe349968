"""Split writes into requests that NetBox can handle in a second or two.

Requests that change the same parent never run side by side: they would deadlock in PostgreSQL.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final

from activities.inventory.netbox.client import MAX_CONCURRENT_REQUESTS, Method
from fabrics.inventory.compare.changes import Stage, Write
from fabrics.inventory.model.planned import Model, Ref

DEFAULT_BATCH_SIZE: Final = 50
BATCH_SIZES: Final = {Model.CABLE: 20, Model.DEVICE: 25}
"""Objects per request: more are no faster, and one refused object delays more of the others."""

PARENT_FIELDS: Final = (
    "device",
    "group",
    "vrf",
    "device_type",
    "assigned_object",
    "a_terminations",
)
"""Fields that refer to an object's parent; the first one that is set counts."""

OWN_PARENT_FIELDS: Final = {Model.INTERFACE: ("device",), Model.MODULE: ("module_type",)}
"""The parent of an interface is its device, also when another reference changes, such as its VRF. NetBox counts the
modules of a type in its row, so that two requests for modules of one type would wait for each other."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The writes of one request: all create, or all change, objects of one model."""

    model: Model
    writes: tuple[Write, ...]

    @property
    def is_create(self) -> bool:
        return self.writes[0].id is None

    @property
    def method(self) -> Method:
        return "POST" if self.is_create else "PATCH"


type Lane = list[Batch]
"""Requests that are sent one after the other."""


def split_into_lanes(stage: Stage) -> list[Lane]:
    """Split a stage into lanes so that each parent is in one lane only."""
    families: dict[str, list[Write]] = defaultdict(list)
    for write in stage:
        families[get_parent_key(write)].append(write)
    shares: list[list[Write]] = [[] for _ in range(MAX_CONCURRENT_REQUESTS)]
    for _, family in sorted(families.items(), key=lambda item: (-len(item[1]), item[0])):
        min(shares, key=len).extend(sorted(family, key=lambda write: write.ref))
    return [list(_split_into_batches(share)) for share in shares if share]


def get_parent_key(write: Write) -> str:
    """Return the key of the parent: the device, for interfaces and what is at them."""
    names = OWN_PARENT_FIELDS.get(write.ref.model, PARENT_FIELDS)
    for name in names:
        value = write.fields.get(name)
        first = value[0] if isinstance(value, tuple) and value else value
        if isinstance(first, Ref):
            return first.key.partition("#")[0] if first.model is Model.INTERFACE else first.key
    return write.ref.key.partition("#")[0]


def _split_into_batches(writes: Sequence[Write]) -> Iterator[Batch]:
    model = writes[0].ref.model
    for is_create in (False, True):
        same = (write for write in writes if (write.id is None) is is_create)
        for batch in batched(same, BATCH_SIZES.get(model, DEFAULT_BATCH_SIZE)):
            yield Batch(model, batch)
