"""The health of a fabric: what the agents on its switches and gateways report."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from temporalio import activity

from activities.errors import TransientError
from activities.kubernetes.agents import read_agent_tables
from activities.kubernetes.live_state import LiveStateCache
from activities.parsing import PARSING
from fabrics.agents.health import AgentsReading, HealthAssessment, assess_health
from fabrics.agents.health_report import FabricDevices
from fabrics.drift.model import LiveState
from fabrics.loop.health_watch import HealthRequest
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import Resource
from settings import Settings


@dataclass(frozen=True)
class HealthReader:
    """Reads agents over the connections of `live_states`."""

    settings: Settings
    live_states: LiveStateCache

    def assess(
        self, target: KubernetesTarget, request: HealthRequest, live: LiveState
    ) -> HealthAssessment | None:
        """Return the health and what the next reading needs, or None if unknown now.

        Nothing here fails a sync: what may succeed at the next one keeps the last known health.
        """
        try:
            with self.live_states.open_requests(target, self.settings) as requests:
                tables = read_agent_tables(requests)
        except TransientError as error:
            activity.logger.warning("The agents of %s were not read: %s", target.server, error)
            return None
        reading = AgentsReading(_get_server_time(), tables.agents, tables.gateway_agents)
        stuck_after = timedelta(seconds=self.settings.stuck_after)
        with PARSING:
            return assess_health(request.agents, reading, _list_devices(live), stuck_after)


def _get_server_time() -> datetime:
    """Return when this attempt began, by Temporal's clock, as hosts may differ."""
    return activity.info().started_time


def _list_devices(live: LiveState) -> FabricDevices:
    switches, gateways = (live.resources.get(get_kind(kind), ()) for kind in ("Switch", "Gateway"))
    return FabricDevices(_get_names(switches), _get_names(gateways))


def _get_names(resources: Iterable[Resource]) -> frozenset[str]:
    return frozenset(resource.name for resource in resources)
