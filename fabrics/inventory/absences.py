"""How often in a row objects were absent, in a form short enough for a message.

NetBox numbers what is created together one after the other, so that a few ranges of ids name
thousands of objects: `{"14:1200-1999": 2}` are 800 cables that two syncs have missed.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby, islice
from typing import Final

from fabrics.inventory.stored import Id
from fabrics.inventory.wanted import Model

MAX_RANGES: Final = 150
"""At most 4 KB. Objects in ranges beyond are not counted before others have gone."""

type Absences = Mapping[str, int]
"""Numbers of syncs by ranges of ids: the place of their model in `Model`, the first id and the last."""

_MODELS: Final = tuple(Model)


def packed(counts: Mapping[Id, int]) -> dict[str, int]:
    """The counts by ranges. What depends on other objects comes before them, and is dropped last."""
    ordered = sorted(counts, key=lambda each: (-_MODELS.index(each.model), each.number))
    return dict(islice(_ranges(ordered, counts), MAX_RANGES))


def unpacked(absences: Absences) -> dict[Id, int]:
    """The counts by ids."""
    return {id_: count for text, count in absences.items() for id_ in _ids(text)}


def without(absences: Absences, gone: Iterable[Id]) -> dict[str, int]:
    """The counts of all but those that have gone."""
    left = unpacked(absences)
    for each in gone:
        left.pop(each, None)
    return packed(left)


def _ranges(ordered: Iterable[Id], counts: Mapping[Id, int]) -> Iterator[tuple[str, int]]:
    """In a range, ids are as far from its beginning as their places are."""
    placed = enumerate(ordered)
    groups = groupby(
        placed, lambda each: (each[1].model, each[1].number - each[0], counts[each[1]])
    )
    for (model, _, count), group in groups:
        numbers = [each.number for _, each in group]
        yield f"{_MODELS.index(model)}:{numbers[0]}-{numbers[-1]}", count


def _ids(text: str) -> Iterator[Id]:
    model, _, numbers = text.partition(":")
    first, _, last = numbers.partition("-")
    return (Id(_MODELS[int(model)], each) for each in range(int(first), int(last) + 1))
