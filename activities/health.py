"""The health of a fabric: what the agents on its switches and gateways report."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pydantic import BaseModel
from temporalio import activity

from activities.errors import NoResponseError, PermanentError, TransientError
from activities.kubernetes.agents import add_heartbeats, read_agent_table
from activities.kubernetes.live_state import LiveStateCache
from activities.kubernetes.requests import ApiRequests
from activities.parsing import PARSING
from fabrics.agents.health import AgentsReading, HealthAssessment, assess_health, select_own
from fabrics.agents.health_report import FabricDevices
from fabrics.agents.state import AgentMemory, AgentsState
from fabrics.agents.table import AGENT_TABLE, GATEWAY_AGENT_TABLE, AgentListing, AgentTable
from fabrics.drift.fabric_selection import select_live
from fabrics.drift.model import LiveState
from fabrics.loop.health_watch import HealthRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.resources.kinds import get_kind
from fabrics.resources.resource import Resource
from settings import Settings


class HealthReadingRequest(BaseModel, frozen=True):
    """The fabric whose agents are read between two syncs."""

    config: FabricConfig
    health: HealthRequest


@dataclass(frozen=True)
class HealthReader:
    """Reads agents over the connections of `live_states`."""

    settings: Settings
    live_states: LiveStateCache

    def read(self, request: HealthReadingRequest) -> HealthAssessment | None:
        """Return the health between two syncs, or None if it is unknown now.

        Raises `NoResponseError`, so that a slow fabric takes no slots from others.
        """
        config, target = request.config, request.config.kubernetes
        if target is None:
            return None
        try:
            live = self.live_states.get_observed(
                target,
                self.settings,
                request.health.live_digest,
                partial(
                    select_live, config.fabric_name, desired=None
                ),  # Git says nothing about devices
            )
        except NoResponseError:
            raise
        except (TransientError, PermanentError) as error:
            activity.logger.warning("The agents of %s were not read: %s", target.server, error)
            return None
        return self.assess(target, request.health, live)

    def assess(
        self, target: KubernetesTarget, request: HealthRequest, live: LiveState
    ) -> HealthAssessment | None:
        """Return the health and what the next reading needs, or None if unknown now.

        Nothing here fails a sync: what may succeed at the next one keeps the last known health.
        """
        devices = _list_devices(live)
        try:
            with self.live_states.open_requests(target, self.settings) as requests:
                reading = _read_agents(requests, request.agents, devices)
        except TransientError as error:
            activity.logger.warning("The agents of %s were not read: %s", target.server, error)
            return None
        stuck_after = timedelta(seconds=self.settings.stuck_after)
        with PARSING:
            return assess_health(request.agents, reading, devices, stuck_after)


def _read_agents(
    requests: ApiRequests, state: AgentsState, devices: FabricDevices
) -> AgentsReading:
    return AgentsReading(
        _get_server_time(),
        _read_listing(requests, AGENT_TABLE, state.switches, devices.switches),
        _read_listing(requests, GATEWAY_AGENT_TABLE, state.gateways, devices.gateways),
    )


def _read_listing(
    requests: ApiRequests, table: AgentTable, memory: AgentMemory, names: AbstractSet[str]
) -> AgentListing:
    """Read all agents of a kind, and by themselves those that may not be alive."""
    listing = read_agent_table(requests, table)
    unclear = memory.choose_unclear(select_own(listing, names))
    return add_heartbeats(requests, table, listing, unclear)


def _get_server_time() -> datetime:
    """Return when this attempt began, by Temporal's clock, as hosts may differ."""
    return activity.info().started_time


def _list_devices(live: LiveState) -> FabricDevices:
    switches, gateways = (live.resources.get(get_kind(kind), ()) for kind in ("Switch", "Gateway"))
    return FabricDevices(_get_names(switches), _get_names(gateways))


def _get_names(resources: Iterable[Resource]) -> frozenset[str]:
    return frozenset(resource.name for resource in resources)
