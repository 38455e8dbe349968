"""Cabling of whole fabrics: no finding where all is cabled as stated."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from fabrics.agents.cabling import CablingFinding, CablingFindingType, find_cabling_findings
from fabrics.agents.facts import AgentFacts
from fabrics.agents.table import AGENT
from fabrics.agents.wiring import Wiring
from fabrics.inventory.model.dcim import Cable
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.plan.plan import make_plan
from stack.demo.fabrics import SAMPLE_FABRICS
from stack.demo.switch_profiles import make_switch_profiles
from tests.support.agents.observed import parse_agents, simulate_agents
from tests.support.fabrics.sample_sets import needs_samples
from tests.support.inventory.live_samples import (
    NEXT,
    OWN,
    REAL,
    LiveSet,
    parse_live_state,
    profiles,
)

each_real_set = pytest.mark.parametrize("sample", [*REAL, NEXT], ids=str)


def find(
    items: Sequence[dict[str, Any]], facts: Mapping[str, AgentFacts]
) -> tuple[CablingFinding, ...]:
    wiring = Wiring.from_resources(parse_live_state(list(items)).resources)
    return find_cabling_findings(wiring, facts)


def count_neighbors(facts: Mapping[str, AgentFacts]) -> int:
    ports = (port for fact in facts.values() for port in fact.interfaces.values())
    return sum(len(port.neighbors) for port in ports)


@needs_samples
@each_real_set
def test_set_that_is_cabled_as_stated_has_no_finding(sample: LiveSet) -> None:
    items = [*sample.items(), *profiles()]
    facts = parse_agents(simulate_agents(items).list_items(AGENT))
    links = Wiring.from_resources(parse_live_state(items).resources).links
    assert count_neighbors(facts) >= len(links)
    assert find(items, facts) == ()


@needs_samples
@each_real_set
def test_links_have_the_keys_of_their_cables(sample: LiveSet) -> None:
    live = parse_live_state([*sample.items(), *profiles()])
    cables = {
        planned.key
        for planned in make_plan(live, FabricIdentity("dc1", "DC 1")).objects
        if isinstance(planned, Cable)
    }
    assert {link.key for link in Wiring.from_resources(live.resources).links} == cables


@pytest.mark.parametrize("sample", OWN, ids=str)
def test_fabric_of_the_demo_that_is_cabled_as_stated_has_no_finding(sample: LiveSet) -> None:
    items = [*sample.items(), *make_switch_profiles()]
    facts = parse_agents(simulate_agents(items).list_items(AGENT))
    assert count_neighbors(facts)
    assert find(items, facts) == ()


def test_swapped_cables_of_the_demo_are_one_finding() -> None:
    [oslo] = [fabric for fabric in SAMPLE_FABRICS if fabric.name == "oslo-dc2"]
    assert oslo.make_live
    items = [*oslo.make_live(oslo.read_desired()), *make_switch_profiles()]
    agents = simulate_agents(items)
    oslo.change_agents(agents)
    [finding] = find(items, parse_agents(agents.list_items(AGENT)))
    assert finding.type is CablingFindingType.SWAPPED
    ends = {end for end in finding.ends if end.startswith("leaf-01")}
    assert ends <= {"leaf-01/E1/29", "leaf-01/E1/31"}
    assert ends
