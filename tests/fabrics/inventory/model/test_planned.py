"""Unique keys that conflict are found, however many there are."""

from hypothesis import given
from hypothesis import strategies as st

from fabrics.inventory.model.planned import UniqueIndex, UniqueKey

NAMES = st.sampled_from(["a", "b"])
KEYS = st.builds(UniqueKey, st.tuples(st.just("name"), NAMES), st.booleans(), st.none())


class CountedInt(int):
    """A number that counts how often somebody compares it."""

    comparisons = 0

    def __lt__(self, other: int) -> bool:
        CountedInt.comparisons += 1
        return super().__lt__(other)

    def __gt__(self, other: int) -> bool:
        CountedInt.comparisons += 1
        return super().__gt__(other)


def span(first: int, last: int) -> UniqueKey:
    return UniqueKey(("addresses",), span=(first, last))


def separate_spans(bounds: set[int]) -> list[UniqueKey]:
    """Return spans between pairs of these numbers."""
    ordered = sorted(bounds)
    return [span(*pair) for pair in zip(ordered[::2], ordered[1::2], strict=False)]


@given(st.lists(KEYS), KEYS)
def test_index_finds_all_owners_whose_key_conflicts(
    keys: list[UniqueKey], sought: UniqueKey
) -> None:
    index: UniqueIndex[int] = UniqueIndex()
    for owner, key in enumerate(keys):
        index.add(owner, [key])
    expected = {owner for owner, key in enumerate(keys) if key.conflicts_with(sought)}
    assert set(index.find_conflicting(sought)) == expected


@given(st.data(), st.sets(st.integers(0, 60)), st.tuples(st.integers(0, 60), st.integers(0, 20)))
def test_index_finds_all_spans_that_overlap(
    data: st.DataObject, bounds: set[int], sought: tuple[int, int]
) -> None:
    spans, first = separate_spans(bounds), sought[0]
    key = span(first, first + sought[1])
    index: UniqueIndex[int] = UniqueIndex()
    for owner in data.draw(st.permutations(range(len(spans)))):
        index.add(owner, [spans[owner]])
    expected = {owner for owner, other in enumerate(spans) if other.conflicts_with(key)}
    assert set(index.find_conflicting(key)) == expected


def test_one_of_many_spans_is_found_with_few_comparisons() -> None:
    index: UniqueIndex[int] = UniqueIndex()
    for number in range(1_000):
        index.add(number, [span(CountedInt(10 * number), CountedInt(10 * number + 5))])
    CountedInt.comparisons = 0
    assert list(index.find_conflicting(span(5_004, 5_006))) == [500]
    assert CountedInt.comparisons < 50
