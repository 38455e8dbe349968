"""The schema type of fields that this version does not know.

What Git states is compared strictly: nothing is known about defaults or about empty values. What is
live only may be a default of a newer release, so it is named and not compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from fabrics.resources.field_paths import join_field, join_item
from fabrics.resources.json_types import Json
from fabrics.resources.schema.base import (
    Difference,
    DifferenceReason,
    SchemaType,
    dump_sorted_json,
    is_same_json,
)

MAX_DEPTH: Final = 64
"""The depth of mappings and lists that are compared; manifests may not be deeper."""

TOO_DEEP: Final = f"(nested deeper than {MAX_DEPTH} levels, not compared)"


@dataclass(frozen=True, kw_only=True)
class Unknown(SchemaType):
    """A value of unknown structure, compared field by field where it is a mapping."""

    keep_empty: bool = True

    def normalize(self, value: Json) -> Json:
        return _normalize(value, 0)

    def drop_unknown(self, value: Json) -> Json:
        return None

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        for difference in self._diff_below(path, desired, live):
            yield difference._replace(known_path=path)

    def _diff_below(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if isinstance(desired, dict) and isinstance(live, dict):
            for name in sorted(desired.keys() | live.keys()):
                field_path = join_field(path, name)
                yield from self._diff_below(field_path, desired.get(name), live.get(name))
        elif desired is None:
            if not _is_empty(live):
                yield Difference(path, None, live, DifferenceReason.UNKNOWN_LIVE, is_known=False)
        elif not is_same_json(desired, live):
            yield from self._diff_values(path, desired, live)

    def _diff_values(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        """Yield the difference of two values; of two lists what their elements say."""
        reason = DifferenceReason.DRIFT
        if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
            pairs = zip(desired, live, strict=True)
            within = [
                difference
                for index, (item, live_item) in enumerate(pairs)
                for difference in self._diff_below(join_item(path, index), item, live_item)
            ]
            if all(difference.reason is not DifferenceReason.DRIFT for difference in within):
                yield from within
                return
            if is_same_json(_sort_lists(desired), _sort_lists(live)):
                reason = DifferenceReason.ORDER
        yield Difference(path, desired, live, reason, is_known=False)


def _normalize(value: Json, depth: int) -> Json:
    """Drop null from mappings, and what is nested too deep from all."""
    if not isinstance(value, dict | list):
        return value
    if depth == MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, list):
        return [_normalize(item, depth + 1) for item in value]
    return {name: _normalize(item, depth + 1) for name, item in value.items() if item is not None}


def _is_empty(value: Json) -> bool:
    """True for what Go writes for a struct in which nothing is set."""
    return all(map(_is_empty, value.values())) if isinstance(value, dict) else not value


def _sort_lists(value: Json) -> Json:
    """Return a value in which the elements of each list have one order."""
    match value:
        case dict():
            return {name: _sort_lists(item) for name, item in value.items()}
        case list():
            return sorted(map(_sort_lists, value), key=dump_sorted_json)
    return value


UNKNOWN_FIELD = Unknown()
"""The type of fields that have no row in the schemas."""
