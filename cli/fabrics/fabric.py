"""Which fabric an operator means.

Fabrics go by name, by fabric id, or by `@` and the number of their record in NetBox: the last is the
way out where two share a name and neither has an id yet.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

from activities.netbox.client import Row
from cli.errors import Failure
from fabrics.record.config import FabricConfig
from fabrics.record.status import Facts
from fabrics.record.status_fields import parse_config, parse_facts, shown_status


@dataclass(frozen=True)
class Fabric:
    """One record in NetBox, as it is and as it is understood."""

    record: Row
    config: FabricConfig
    facts: Facts

    @classmethod
    def of(cls, record: Row) -> Self:
        """The fabric that `record` describes."""
        return cls(record=record, config=parse_config(record), facts=parse_facts(record))

    @property
    def fabric_id(self) -> str:
        """Its id; empty as long as it was never enabled."""
        return self.config.fabric_id

    @property
    def shown(self) -> str:
        """The status that its record shows; empty as long as it shows none."""
        return shown_status(self.record)

    @property
    def number(self) -> str:
        """Its record's number, in the form in which commands take it."""
        return f"@{self.config.record_id}"

    @property
    def handle(self) -> str:
        """What names it alone, without blanks, for a command to copy."""
        return self.fabric_id or self.number

    @property
    def names(self) -> tuple[str, ...]:
        """What it answers to."""
        return tuple(filter(None, (self.config.name, self.fabric_id, self.number)))


def choose(fabrics: Sequence[Fabric], wanted: str) -> Fabric:
    """The one fabric that `wanted` names. Raises `Failure` where there is none, or more than one."""
    found = [fabric for fabric in fabrics if wanted in fabric.names]
    if len(found) == 1:
        return found[0]
    raise Failure(_ambiguous(wanted, found) if found else _unknown(wanted, fabrics))


def choose_all(fabrics: Sequence[Fabric], wanted: Iterable[str]) -> list[Fabric]:
    """The fabrics that are named, each once, in that order; all, by name, when none is."""
    chosen = {fabric.number: fabric for fabric in (choose(fabrics, name) for name in wanted)}
    return list(chosen.values()) or sorted(fabrics, key=lambda fabric: fabric.config.name)


def _ambiguous(wanted: str, found: Sequence[Fabric]) -> str:
    ids = ", ".join(f"{fabric.fabric_id or 'no id'} ({fabric.number})" for fabric in found)
    return (
        f'{len(found)} fabrics answer to "{wanted}": {ids};'
        " give an id that only one has, or the number with its @."
    )


def _unknown(wanted: str, fabrics: Sequence[Fabric]) -> str:
    if not fabrics:
        return (
            f'There is no fabric "{wanted}": NetBox has none at all;'
            " create one with `starter.py add NAME --kubernetes-server URL`."
        )
    known = {name.casefold(): name for fabric in fabrics for name in fabric.names}
    close = get_close_matches(wanted.casefold(), known, n=1, cutoff=0.5)
    if close:
        return f'There is no fabric "{wanted}"; did you mean "{known[close[0]]}"?'
    return f'There is no fabric "{wanted}"; `starter.py status` lists all.'
