"""What the inventory shows of what agents report."""

from typing import Any

import pytest

from fabrics.inventory.model.facts import NO_FACTS, SwitchFacts, Transceiver, select_facts
from tests.support.agents.observed import make_agent, parse_agents

OPTIC = {"vendor": "Acme", "vendorPart": "P1", "serial": "A1", "formFactor": "SFP28"}


def select(state: dict[str, Any]) -> SwitchFacts:
    agent = make_agent("leaf-1", {})
    agent["status"]["state"] = state
    return select_facts(parse_agents([agent]))["leaf-1"]


def test_agent_that_has_never_reported_tells_nothing() -> None:
    assert select({}) == NO_FACTS


def test_serial_number_and_version_are_those_of_the_nos() -> None:
    facts = select({"nos": {"serialNumber": "CN1", "softwareVersion": "4.5"}})
    assert facts == SwitchFacts("CN1", "4.5")


@pytest.mark.parametrize(
    "present", ["NOT_PRESENT", "not present", "NotPresent", "Absent", "false", "False"]
)
def test_empty_cage_has_no_transceiver(present: str) -> None:
    assert select({"transceivers": {"E1/5": {**OPTIC, "present": present}}}).transceivers == {}


@pytest.mark.parametrize("present", ["PRESENT", "Present", "true", ""])
def test_transceiver_is_shown_unless_it_is_said_to_be_absent(present: str) -> None:
    facts = select({"transceivers": {"E1/5": {**OPTIC, "present": present}}})
    assert facts.transceivers == {"E1/5": Transceiver("Acme", "P1", "A1", "SFP28")}


@pytest.mark.parametrize("text", ["N/A", "n/a", "Unknown", "unknown"])
def test_placeholder_of_a_switch_is_no_value(text: str) -> None:
    facts = select({"transceivers": {"E1/5": {**OPTIC, "vendor": text, "serial": text}}})
    assert facts.transceivers == {"E1/5": Transceiver("", "P1", "", "SFP28")}
