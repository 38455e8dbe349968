"""Facts about switches that only the switches themselves know."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fabrics.agents.facts import AgentFacts


@dataclass(frozen=True, slots=True)
class Transceiver:
    """A plugged optic, or cable with a memory of its own; unknown texts are empty."""

    vendor: str = ""
    part_number: str = ""
    serial_number: str = ""
    form_factor: str = ""


@dataclass(frozen=True, slots=True)
class SwitchFacts:
    """What a switch observes; `transceivers` are by API port name (`E1/5/1`).

    What it says nothing of is empty, or None: that of transceivers if it names none, present or not.
    """

    serial_number: str = ""
    software_version: str = ""
    transceivers: Mapping[str, Transceiver] | None = None


type FactsBySwitch = Mapping[str, SwitchFacts]
"""Facts by the name of the switch, if they are known now."""

NO_FACTS: Final = SwitchFacts()
"""The facts of a switch of which nothing is known now."""

_ABSENT: Final = frozenset({"absent", "false", "not present", "not_present", "notpresent"})
"""The words of switches for a cage without an optic."""


def select_facts(agents: Mapping[str, AgentFacts]) -> FactsBySwitch:
    """Return what the inventory shows of what agents report."""
    return {
        name: SwitchFacts(
            serial_number=facts.serial_number,
            software_version=facts.software_version,
            transceivers=_select_transceivers(facts) if facts.transceivers else None,
        )
        for name, facts in agents.items()
    }


def _select_transceivers(facts: AgentFacts) -> dict[str, Transceiver]:
    return {
        port: Transceiver(
            *map(_drop_placeholder, (o.vendor, o.part_number, o.serial_number, o.form_factor))
        )
        for port, o in facts.transceivers.items()
        if o.present.lower() not in _ABSENT
    }


def _drop_placeholder(text: str) -> str:
    """Return a text, or "" for what a switch says of an optic that it cannot read."""
    return "" if text.lower() in {"n/a", "unknown"} else text
