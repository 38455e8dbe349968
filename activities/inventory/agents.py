"""What a pass reads of agents: facts, breakouts and what their ports hear."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from temporalio import activity

from activities.errors import PermanentError, TransientError
from activities.kubernetes.agents import read_agent_facts
from activities.kubernetes.live_state import LiveStateCache
from activities.parsing import PARSING
from fabrics.agents.breakouts import BreakoutMismatch, find_breakout_mismatches
from fabrics.agents.cabling import CablingFinding, find_cabling_findings
from fabrics.agents.facts import AgentFacts
from fabrics.agents.wiring import Wiring
from fabrics.drift.model import LiveState
from fabrics.record.config import KubernetesTarget
from settings import Settings


@dataclass(frozen=True)
class ObservedAgents:
    """One reading of the agents that are heard; findings are of this reading alone.

    `unjudged` are switches of which it says nothing: they are silent, or have not applied the last change.
    """

    facts: Mapping[str, AgentFacts]
    breakouts: tuple[BreakoutMismatch, ...]
    cabling: tuple[CablingFinding, ...]
    unjudged: frozenset[str]


def observe_agents(
    live_states: LiveStateCache,
    target: KubernetesTarget,
    settings: Settings,
    live: LiveState,
    silent: Collection[str],
) -> ObservedAgents | None:
    """Read all agents; None if that is not possible now, or not wanted.

    `silent` are switches whose agents may not be running. What nobody can read changes nothing in NetBox.
    """
    if not settings.health_interval:
        return None
    try:
        with live_states.open_requests(target, settings) as requests:
            facts = read_agent_facts(requests)
    except (TransientError, PermanentError) as error:
        activity.logger.info("The agents were not read: %s", error)
        return None
    if facts is None:
        return None
    with PARSING:
        wiring = Wiring.from_resources(live.resources)
        heard = facts.keys() & wiring.switches.keys() - set(silent)
        own = {name: facts[name] for name in sorted(heard)}
        return ObservedAgents(
            facts=own,
            breakouts=find_breakout_mismatches(wiring.switches, own),
            cabling=find_cabling_findings(wiring, own),
            unjudged=frozenset(wiring.switches)
            - {name for name, agent in own.items() if agent.is_applied},
        )
