"""How often in a row objects were absent, in a form short enough for a message.

NetBox numbers what is created together one after the other or in turns, so that the steps from id to id
are alike, and thousands of them short once compressed: `{"14:eNoz...": 2}` are cables that two syncs have missed.
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
"""Of the counts as JSON: those of a thousand objects at the least, and of many thousands whose ids are
alike. Others are not counted before these have gone."""

type AbsenceCounts = Mapping[str, int]
"""Numbers of syncs by ids: the place of their model in `Model`, and the steps from each id to the next."""

_MODELS: Final = tuple(Model)


def encode_counts(counts: Mapping[ObjectId, int]) -> dict[str, int]:
    """The counts by ids. What depends on other objects comes before them, and is dropped last."""
    ordered = sorted(counts, key=lambda each: (-_MODELS.index(each.model), each.number))

    def is_too_long(number: int) -> bool:
        return len(json.dumps(_encode(ordered[:number], counts))) > MAX_ABSENCE_COUNTS_BYTES

    number = len(ordered)
    if is_too_long(number):
        number = bisect_left(range(number), True, key=is_too_long) - 1
    return _encode(ordered[:number], counts)


def decode_counts(absence_counts: AbsenceCounts) -> dict[ObjectId, int]:
    """The counts by ids."""
    return {id_: count for text, count in absence_counts.items() for id_ in _decode_ids(text)}


def forget_objects(absence_counts: AbsenceCounts, deleted: Iterable[ObjectId]) -> dict[str, int]:
    """The counts of all but those that have gone."""
    left = decode_counts(absence_counts)
    for each in deleted:
        left.pop(each, None)
    return encode_counts(left)


def _encode(ids: Iterable[ObjectId], counts: Mapping[ObjectId, int]) -> dict[str, int]:
    alike: dict[tuple[Model, int], list[int]] = defaultdict(list)
    for each in ids:
        alike[each.model, counts[each]].append(each.number)
    return {
        f"{_MODELS.index(model)}:{_encode_deltas(numbers)}": count
        for (model, count), numbers in alike.items()
    }


def _encode_deltas(numbers: Sequence[int]) -> str:
    steps = (str(after - before) for before, after in pairwise([0, *numbers]))
    return b64encode(compress(" ".join(steps).encode())).decode()


def _decode_ids(text: str) -> Iterator[ObjectId]:
    model, _, numbers = text.partition(":")
    return (ObjectId(_MODELS[int(model)], each) for each in _decode_numbers(numbers))


def _decode_numbers(text: str) -> Iterable[int]:
    first, is_range, last = text.partition("-")
    if is_range:  # the form in loops that were started before there was another
        return range(int(first), int(last) + 1)
    return accumulate(map(int, decompress(b64decode(text)).split()))
