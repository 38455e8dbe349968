"""Who holds what: names, ports and addresses that NetBox lets only one object have."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from fabrics.inventory.model.planned import UniqueKey


@dataclass(frozen=True, slots=True)
class UniqueIndex[T: Hashable]:
    """Holders by what they claim."""

    _entries: dict[tuple[object, ...], dict[T, UniqueKey]] = field(default_factory=dict)

    def add(self, holder: T, unique_keys: Iterable[UniqueKey]) -> None:
        """From now on it holds these as well."""
        for claim in unique_keys:
            self._entries.setdefault(claim.parts, {})[holder] = claim

    def find_holders(self, unique_key: UniqueKey) -> Iterator[T]:
        """All who hold what clashes with the claim."""
        held = self._entries.get(unique_key.parts, {})
        return (holder for holder, each in held.items() if each.conflicts_with(unique_key))
