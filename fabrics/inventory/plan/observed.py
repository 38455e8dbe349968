"""What switches observe: serial numbers, software versions and transceivers."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from fabrics.agents.facts import NO_FACTS, AgentFacts, FactsBySwitch, Transceiver
from fabrics.inventory.model.modules import Module, ModuleBay
from fabrics.inventory.model.planned import Model, Ref
from fabrics.inventory.plan import catalogue
from fabrics.inventory.plan.builder import PlanBuilder
from fabrics.inventory.plan.ports import strip_lane
from fabrics.inventory.specs.parse import LiveObjects
from fabrics.inventory.specs.values import to_one_line
from fabrics.inventory.specs.wiring import SwitchSpec

MAX_SERIAL_CHARS: Final = 50
"""The longest serial number that NetBox 4.7 accepts, in characters."""

_SERIAL_NUMBER = re.compile(rf"[!-~]{{1,{MAX_SERIAL_CHARS}}}")
_CAGE_NAME = re.compile(r"[!-~]{1,64}")


def get_serial_number(facts: AgentFacts) -> str:
    """Return the serial number that a switch reports; "" if it reports no valid one."""
    serial = facts.serial_number.strip()
    return serial if _SERIAL_NUMBER.fullmatch(serial) else ""


def get_software_version(facts: AgentFacts) -> str:
    """Return the version of the network operating system; "" if it is unknown."""
    return to_one_line(facts.software_version)


def list_unexpected_switches(live: LiveObjects, facts: FactsBySwitch) -> Iterator[tuple[str, str]]:
    """Yield key and reason for each switch with another serial number than stated."""
    for switch in live.list_kind(SwitchSpec):
        reported = get_serial_number(facts.get(switch.name, NO_FACTS))
        stated = switch.spec.boot.serial
        if stated and reported and stated.lower() != reported.lower():
            yield (
                switch.key,
                f"is another switch than expected: its serial number is {reported}, not {stated}",
            )


def add_modules(builder: PlanBuilder, device: Ref, facts: AgentFacts) -> Iterator[Ref]:
    """Add the transceivers of a switch with their bays; yield what is not known.

    That is the device if it says nothing of transceivers, or the module of each transceiver without a vendor or a part
    number: as long as nobody can read a transceiver, NetBox keeps the module that it has.
    """
    if facts.transceivers is None:
        yield device
        return
    for cage, transceiver in _find_transceivers(facts.transceivers).items():
        key = f"{device.key}#{cage}"
        if not _is_identified(transceiver):
            yield Ref(Model.MODULE, key)
            continue
        with builder.skip_unmappable(key):
            _add_module(builder, key, ModuleBay(key=key, device=device, name=cage), transceiver)


def _find_transceivers(by_port: Mapping[str, Transceiver]) -> Mapping[str, Transceiver]:
    """Return transceivers by cage; of several, the first that is identified."""
    found: dict[str, Transceiver] = {}
    for port, transceiver in sorted(by_port.items(), key=lambda item: item[0]):
        cage = strip_lane(port)
        if _CAGE_NAME.fullmatch(cage) and not (cage in found and _is_identified(found[cage])):
            found[cage] = transceiver
    return found


def _is_identified(transceiver: Transceiver) -> bool:
    return bool(to_one_line(transceiver.vendor) and to_one_line(transceiver.part_number))


def _add_module(
    builder: PlanBuilder, key: str, planned_bay: ModuleBay, transceiver: Transceiver
) -> None:
    vendor, part_number = to_one_line(transceiver.vendor), to_one_line(transceiver.part_number)
    form_factor = to_one_line(transceiver.form_factor)
    builder.add(
        Module(
            key=key,
            device=planned_bay.device,
            module_bay=builder.add(planned_bay),
            module_type=catalogue.add_module_type(builder, vendor, part_number, form_factor),
            serial=to_one_line(transceiver.serial_number)[:MAX_SERIAL_CHARS].rstrip(),
        )
    )
