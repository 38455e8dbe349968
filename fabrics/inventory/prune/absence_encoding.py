"""Absence counts: in how many passes in a row objects have been absent.

To fit into a message, ids are compressed: objects that are created together have ids at regular steps,
which compress well. `{"14:eNoz...": 2}` are cables that have been absent in two passes.
"""

import json
from base64 import b64decode, b64encode
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Final
from zlib import compress, decompress

from fabrics.inventory.model.existing import ObjectId
from fabrics.inventory.model.planned import Model

MAX_ABSENCE_COUNTS_BYTES: Final = 4_000
"""The longest counts as JSON, in bytes: a thousand objects at least, many thousands with regular ids.
The rest is counted once these are deleted."""

type AbsenceCounts = Mapping[str, int]
"""Numbers of passes by ids: the index of their model in `Model`, and their steps."""

_MODELS: Final = tuple(Model)


class TooManyAbsenceCountsError(Exception):
    """Absence counts are too long for a message; the error is a sentence."""


def encode_counts(counts: Mapping[ObjectId, int]) -> dict[str, int]:
    """Return as many counts as fit, dependents first, as these are deleted first."""
    ordered = sorted(counts, key=lambda id_: (-_MODELS.index(id_.model), id_.number))

    def is_too_long(number: int) -> bool:
        return len(json.dumps(_encode(ordered[:number], counts))) > MAX_ABSENCE_COUNTS_BYTES

    number = len(ordered)
    if is_too_long(number):
        number = bisect_left(range(number), True, key=is_too_long) - 1
    return _encode(ordered[:number], counts)


def decode_counts(absence_counts: AbsenceCounts) -> dict[ObjectId, int]:
    """Return the counts by object id.

    Raises `TooManyAbsenceCountsError`: they come from a message, and a thousand times as much may be packed into them.
    """
    if len(json.dumps(absence_counts)) > MAX_ABSENCE_COUNTS_BYTES:
        raise TooManyAbsenceCountsError(
            "The inventory's pass was started with more absence counts than Fabric Sync makes, so nothing was written:"
            " let the fabric's loop start it."
        )
    return {id_: count for text, count in absence_counts.items() for id_ in _decode_ids(text)}


def forget_objects(absence_counts: AbsenceCounts, deleted: Iterable[ObjectId]) -> dict[str, int]:
    """Return the counts without those of deleted objects."""
    counts = decode_counts(absence_counts)
    for id_ in deleted:
        counts.pop(id_, None)
    return encode_counts(counts)


def _encode(ids: Iterable[ObjectId], counts: Mapping[ObjectId, int]) -> dict[str, int]:
    groups: dict[tuple[Model, int], list[int]] = defaultdict(list)
    for id_ in ids:
        groups[id_.model, counts[id_]].append(id_.number)
    return {
        f"{_MODELS.index(model)}:{_encode_steps(numbers)}": count
        for (model, count), numbers in groups.items()
    }


def _encode_steps(numbers: Sequence[int]) -> str:
    steps = (str(after - before) for before, after in pairwise([0, *numbers]))
    return b64encode(compress(" ".join(steps).encode())).decode()


def _decode_ids(text: str) -> Iterator[ObjectId]:
    model, _, steps = text.partition(":")
    numbers = accumulate(map(int, decompress(b64decode(steps)).split()))
    return (ObjectId(_MODELS[int(model)], number) for number in numbers)
