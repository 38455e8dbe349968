"""Which fabric an operator means.

Fabrics go by name, by fabric id, or by `@` and the number of their record in NetBox: the last is the
way out where two share a name and neither has an id yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

from activities.netbox.client import Row
from cli.errors import CommandError
from fabrics.record.config import FabricConfig
from fabrics.record.status import LastKnownState
from fabrics.record.status_fields import get_shown_status, parse_config, parse_last_known_state


@dataclass(frozen=True)
class Fabric:
    """One record in NetBox, as it is and as it is understood."""

    record: Row
    config: FabricConfig
    last_known: LastKnownState

    @classmethod
    def from_record(cls, record: Row) -> Self:
        """The fabric that `record` describes."""
        return cls(
            record=record, config=parse_config(record), last_known=parse_last_known_state(record)
        )

    @property
    def fabric_id(self) -> str:
        """Its id; empty as long as it was never enabled."""
        return self.config.fabric_id

    @property
    def record_status(self) -> str:
        """The status that its record shows; empty as long as it shows none."""
        return get_shown_status(self.record)

    @property
    def record_ref(self) -> str:
        """Its record's number, in the form in which commands take it."""
        return f"@{self.config.record_id}"

    @property
    def ref(self) -> str:
        """What names it alone, without blanks, for a command to copy."""
        return self.fabric_id or self.record_ref

    @property
    def names(self) -> tuple[str, ...]:
        """What it answers to."""
        return tuple(filter(None, (self.config.name, self.fabric_id, self.record_ref)))


def select_fabric(fabrics: Sequence[Fabric], fabric_ref: str) -> Fabric:
    """The one fabric that `wanted` names. Raises `CommandError` where there is none, or more than one."""
    found = [fabric for fabric in fabrics if fabric_ref in fabric.names]
    if len(found) == 1:
        return found[0]
    raise CommandError(
        _describe_ambiguous_ref(fabric_ref, found)
        if found
        else _describe_unknown_ref(fabric_ref, fabrics)
    )


def select_fabrics(fabrics: Sequence[Fabric], fabric_refs: Iterable[str]) -> list[Fabric]:
    """The fabrics that are named, each once, in that order; all, by name, when none is."""
    chosen = {
        fabric.record_ref: fabric
        for fabric in (select_fabric(fabrics, name) for name in fabric_refs)
    }
    return list(chosen.values()) or sorted(fabrics, key=lambda fabric: fabric.config.name)


def _describe_ambiguous_ref(fabric_ref: str, matches: Sequence[Fabric]) -> str:
    ids = ", ".join(f"{fabric.fabric_id or 'no id'} ({fabric.record_ref})" for fabric in matches)
    return (
        f'{len(matches)} fabrics answer to "{fabric_ref}": {ids};'
        " give an id that only one has, or the number with its @."
    )


def _describe_unknown_ref(fabric_ref: str, fabrics: Sequence[Fabric]) -> str:
    if not fabrics:
        return (
            f'There is no fabric "{fabric_ref}": NetBox has none at all;'
            " create one with `starter.py add NAME --kubernetes-server URL`."
        )
    known = {name.casefold(): name for fabric in fabrics for name in fabric.names}
    close = get_close_matches(fabric_ref.casefold(), known, n=1, cutoff=0.5)
    if close:
        return f'There is no fabric "{fabric_ref}"; did you mean "{known[close[0]]}"?'
    return f'There is no fabric "{fabric_ref}"; `starter.py status` lists all.'
