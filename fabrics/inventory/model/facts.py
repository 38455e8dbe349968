"""Facts about switches that only the switches themselves know."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Transceiver:
    """A plugged optic, or cable with a memory of its own; unknown texts are empty."""

    vendor: str = ""
    part_number: str = ""
    serial_number: str = ""
    form_factor: str = ""


@dataclass(frozen=True, slots=True)
class SwitchFacts:
    """What a switch observes; `transceivers` are by API port name (`E1/5/1`)."""

    serial_number: str = ""
    software_version: str = ""
    transceivers: Mapping[str, Transceiver] = field(default_factory=dict)


type FactsBySwitch = Mapping[str, SwitchFacts | None]
"""Facts by the name of the switch. None, or no entry, means that they are not known now."""
