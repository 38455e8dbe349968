"""Generated agents report as many optics as a benchmark asks for."""

from bench.installation.fixed_live_states import serialize_agents
from bench.manifests import OPTICS_PER_SWITCH, make_agents, make_switches
from fabrics.agents.facts import parse_facts_page


def test_each_optic_is_in_a_cage_of_its_own() -> None:
    agents = make_agents(OPTICS_PER_SWITCH + 2)
    facts = parse_facts_page(serialize_agents(agents)).facts
    reported = [fact.transceivers or {} for fact in facts]
    assert list(map(len, reported)) == [OPTICS_PER_SWITCH, 2]
    serials = {optic.serial_number for optics in reported for optic in optics.values()}
    assert len(serials) == OPTICS_PER_SWITCH + 2
    assert [manifest["metadata"]["name"] for manifest in make_switches(agents)] == [
        fact.name for fact in facts
    ]
