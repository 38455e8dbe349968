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

from fabrics.inventory.model.existing import Id
from fabrics.inventory.model.planned import Model

MAX_BYTES: Final = 4_000
"""Of the counts as JSON: those of a thousand objects at the least, and of many thousands whose ids are
alike. Others are not counted before these have gone."""

type Absences = Mapping[str, int]
"""Numbers of syncs by ids: the place of their model in `Model`, and the steps from each id to the next."""

_MODELS: Final = tuple(Model)


def packed(counts: Mapping[Id, int]) -> dict[str, int]:
    """The counts by ids. What depends on other objects comes before them, and is dropped last."""
    ordered = sorted(counts, key=lambda each: (-_MODELS.index(each.model), each.number))

    def is_too_long(number: int) -> bool:
        return len(json.dumps(_packed(ordered[:number], counts))) > MAX_BYTES

    number = len(ordered)
    if is_too_long(number):
        number = bisect_left(range(number), True, key=is_too_long) - 1
    return _packed(ordered[:number], counts)


def unpacked(absences: Absences) -> dict[Id, int]:
    """The counts by ids."""
    return {id_: count for text, count in absences.items() for id_ in _ids(text)}


def without(absences: Absences, gone: Iterable[Id]) -> dict[str, int]:
    """The counts of all but those that have gone."""
    left = unpacked(absences)
    for each in gone:
        left.pop(each, None)
    return packed(left)


def _packed(ids: Iterable[Id], counts: Mapping[Id, int]) -> dict[str, int]:
    alike: dict[tuple[Model, int], list[int]] = defaultdict(list)
    for each in ids:
        alike[each.model, counts[each]].append(each.number)
    return {
        f"{_MODELS.index(model)}:{_steps(numbers)}": count
        for (model, count), numbers in alike.items()
    }


def _steps(numbers: Sequence[int]) -> str:
    steps = (str(after - before) for before, after in pairwise([0, *numbers]))
    return b64encode(compress(" ".join(steps).encode())).decode()


def _ids(text: str) -> Iterator[Id]:
    model, _, numbers = text.partition(":")
    return (Id(_MODELS[int(model)], each) for each in _numbers(numbers))


def _numbers(text: str) -> Iterable[int]:
    first, is_range, last = text.partition("-")
    if is_range:  # the form in loops that were started before there was another
        return range(int(first), int(last) + 1)
    return accumulate(map(int, decompress(b64decode(text)).split()))
