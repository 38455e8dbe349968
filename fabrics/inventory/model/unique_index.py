"""Who holds what: names, ports and addresses that NetBox lets only one object have."""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field

from fabrics.inventory.model.planned import Claim


@dataclass(frozen=True, slots=True)
class Holders[T: Hashable]:
    """Holders by what they claim."""

    _claims: dict[tuple[object, ...], dict[T, Claim]] = field(default_factory=dict)

    def add(self, holder: T, claims: Iterable[Claim]) -> None:
        """From now on it holds these as well."""
        for claim in claims:
            self._claims.setdefault(claim.what, {})[holder] = claim

    def of(self, claim: Claim) -> Iterator[T]:
        """All who hold what clashes with the claim."""
        held = self._claims.get(claim.what, {})
        return (holder for holder, each in held.items() if each.clashes(claim))
