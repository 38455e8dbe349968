"""The schema type of fields that this version does not know.

What Git states is compared strictly: nothing is known about defaults or about empty values. What is
live only may be a default of a newer release, so it is named and not compared.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
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
        if not is_same_json(desired, live):
            for difference in _Comparison().diff(path, desired, live):
                yield difference._replace(known_path=path)


@dataclass(frozen=True)
class _Digests:
    """Digests of JSON values; `arrange` orders those of the elements of a list."""

    arrange: Callable[[Iterable[str]], Iterable[str]]
    _known: dict[int, str] = field(default_factory=dict)

    def get(self, value: Json) -> str:
        """Return the digest of a mapping or list, and any other value as JSON."""
        if not isinstance(value, dict | list):
            return dump_sorted_json(value)
        digest = self._known.get(id(value))
        if digest is None:
            digest = self._known[id(value)] = self._compute(value)
        return digest

    def _compute(self, value: dict[str, Json] | list[Json]) -> str:
        if isinstance(value, list):
            kind, parts = "list", self.arrange(map(self.get, value))
        else:
            kind, parts = (
                "map",
                (f"{dump_sorted_json(k)}:{self.get(value[k])}" for k in sorted(value)),
            )
        return f"{kind} {blake2b(','.join(parts).encode(), digest_size=16).hexdigest()}"


@dataclass(frozen=True)
class _Comparison:
    """Compares two values in linear time, however deep they are nested."""

    _exact: _Digests = field(default_factory=lambda: _Digests(iter))
    _unordered: _Digests = field(default_factory=lambda: _Digests(sorted))

    def diff(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        if isinstance(desired, dict) and isinstance(live, dict):
            for name in sorted(desired.keys() | live.keys()):
                yield from self.diff(join_field(path, name), desired.get(name), live.get(name))
        elif desired is None:
            if not _is_empty(live):
                yield Difference(path, None, live, DifferenceReason.UNKNOWN_LIVE, is_known=False)
        elif self._exact.get(desired) != self._exact.get(live):
            yield from self._diff_values(path, desired, live)

    def _diff_values(self, path: str, desired: Json, live: Json) -> Iterator[Difference]:
        """Yield the difference of two values; of two lists what their elements say."""
        reason = DifferenceReason.DRIFT
        if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
            pairs = zip(desired, live, strict=True)
            within = [
                difference
                for index, (item, live_item) in enumerate(pairs)
                for difference in self.diff(join_item(path, index), item, live_item)
            ]
            if all(difference.reason is not DifferenceReason.DRIFT for difference in within):
                yield from within
                return
            if self._unordered.get(desired) == self._unordered.get(live):
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


UNKNOWN_FIELD = Unknown()
"""The type of fields that have no row in the schemas."""
