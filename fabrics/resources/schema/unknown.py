"""The schema type of fields that this version does not know.

What Git states is compared strictly: nothing is known about defaults or about empty values. What is
live only may be a default of a newer release, so it is named and not compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fabrics.resources.field_paths import join_field, join_item
from fabrics.resources.json_types import Json
from fabrics.resources.schema.base import (
    Difference,
    DifferenceReason,
    SchemaType,
    dump_sorted_json,
    is_same_json,
)


@dataclass(frozen=True, kw_only=True)
class Unknown(SchemaType):
    """A value of unknown structure, compared field by field where it is a mapping."""

    keep_empty: bool = True

    def normalize(self, value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        return {name: self.normalize(item) for name, item in value.items() if item is not None}

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
            if _sort_lists(desired) == _sort_lists(live):
                reason = DifferenceReason.ORDER
        yield Difference(path, desired, live, reason, is_known=False)


def _is_empty(value: Json) -> bool:
    """True for what Go writes for a struct in which nothing is set."""
    return all(map(_is_empty, value.values())) if isinstance(value, dict) else not value


def _sort_lists(value: Json) -> str:
    """Return a value as text in which the order of elements does not matter."""
    match value:
        case dict():
            return dump_sorted_json({name: _sort_lists(item) for name, item in value.items()})
        case list():
            return dump_sorted_json(sorted(map(_sort_lists, value)))
    return dump_sorted_json(value)


UNKNOWN_FIELD = Unknown()
"""The type of fields that have no row in the schemas."""
