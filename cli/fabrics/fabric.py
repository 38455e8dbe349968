"""A fabric's record in NetBox, and which one an operator means.

Fabrics go by name, by fabric id, or by `@` and the number of their record in NetBox. The number is for those
that share a name and have no id yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

from activities.netbox.client import Row
from cli.errors import CommandError
from fabrics.record.config import FabricConfig
from fabrics.record.config_fields import parse_config
from fabrics.record.status_fields import get_shown_status, parse_last_known_state
from fabrics.record.sync_status import LastKnownState
from fabrics.texts import replace_unprintable


@dataclass(frozen=True)
class Fabric:
    """One record in NetBox, raw and parsed."""

    record: Row
    config: FabricConfig
    last_known: LastKnownState

    @classmethod
    def from_record(cls, record: Row) -> Self:
        """Parse a record."""
        return cls(record, parse_config(record), parse_last_known_state(record))

    @property
    def fabric_id(self) -> str:
        """The fabric id; empty as long as the fabric was never enabled."""
        return self.config.fabric_id

    @property
    def record_status(self) -> str:
        """The status that the record shows; empty if it shows none."""
        return get_shown_status(self.record)

    @property
    def record_ref(self) -> str:
        """The record's number, as commands accept it: `@12`."""
        return f"@{self.config.record_id}"

    @property
    def ref(self) -> str:
        """A unique reference without spaces, for commands that operators copy."""
        return self.fabric_id or self.record_ref

    @property
    def names(self) -> tuple[str, ...]:
        """All references that commands accept for this fabric."""
        return tuple(filter(None, (self.config.name, self.fabric_id, self.record_ref)))


def select_fabric(fabrics: Sequence[Fabric], fabric_ref: str) -> Fabric:
    """Return the only fabric that `fabric_ref` names. Raises `CommandError`."""
    name = replace_unprintable(fabric_ref)  # as those of records, from which people copy it
    matches = [fabric for fabric in fabrics if name in fabric.names]
    if len(matches) == 1:
        return matches[0]
    if matches:
        ids = ", ".join(f"{match.fabric_id or 'no id'} ({match.record_ref})" for match in matches)
        raise CommandError(
            f'{len(matches)} fabrics answer to "{fabric_ref}": {ids};'
            " use an id that only one of them has, or the number with its @."
        )
    raise CommandError(_describe_unknown_ref(fabric_ref, fabrics))


def select_fabrics(fabrics: Sequence[Fabric], fabric_refs: Iterable[str]) -> list[Fabric]:
    """Return the named fabrics once each, in that order; by default all, by name."""
    named = [select_fabric(fabrics, fabric_ref) for fabric_ref in fabric_refs]
    return list({fabric.record_ref: fabric for fabric in named}.values()) or sorted(
        fabrics, key=lambda fabric: fabric.config.name
    )


def _describe_unknown_ref(fabric_ref: str, fabrics: Sequence[Fabric]) -> str:
    if not fabrics:
        return (
            f'There is no fabric "{fabric_ref}": NetBox has no fabrics yet;'
            " add one with `starter.py add NAME --kubernetes-server URL`."
        )
    known = {name.casefold(): name for fabric in fabrics for name in fabric.names}
    similar = get_close_matches(fabric_ref.casefold(), known, n=1, cutoff=0.5)
    if similar:
        return f'There is no fabric "{fabric_ref}"; did you mean "{known[similar[0]]}"?'
    return f'There is no fabric "{fabric_ref}"; `starter.py status` lists all.'
