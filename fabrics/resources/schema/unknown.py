"""The schema type of fields that this version does not know.

What Git states is compared strictly: nothing is known about defaults or about empty values. What is
live only may be a default of a newer release, so it is named and not compared.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fabrics.resources.field_paths import join_field
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
        if isinstance(desired, dict) and isinstance(live, dict):
            for name in sorted(desired.keys() | live.keys()):
                yield from self.diff(join_field(path, name), desired.get(name), live.get(name))
        elif desired is None:
            if not _is_empty(live):
                yield Difference(path, None, live, DifferenceReason.UNKNOWN_LIVE, is_known=False)
        elif not is_same_json(desired, live):
            is_same_set = _is_same_multiset(desired, live)
            reason = DifferenceReason.ORDER if is_same_set else DifferenceReason.DRIFT
            yield Difference(path, desired, live, reason, is_known=False)


def _is_empty(value: Json) -> bool:
    """True for what Go writes for a struct in which nothing is set."""
    return all(map(_is_empty, value.values())) if isinstance(value, dict) else not value


def _is_same_multiset(desired: Json, live: Json) -> bool:
    """True for two lists of the same elements in any order."""
    if not isinstance(desired, list) or not isinstance(live, list):
        return False
    return sorted(map(dump_sorted_json, desired)) == sorted(map(dump_sorted_json, live))


UNKNOWN_FIELD = Unknown()
"""The type of fields that have no row in the schemas."""
