"""A fabric that a worker has just read: its objects, and what its agents report."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast, override

from activities.errors import PermanentError
from activities.kubernetes.clients import KubernetesClient
from activities.kubernetes.live_state import LiveStateCache
from activities.kubernetes.requests import ApiRequests
from fabrics.drift.model import LiveState
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import Kind
from settings import Settings

type Agents = Sequence[Mapping[str, Any]]


def serialize_agents(agents: Agents) -> bytes:
    """Return the list of these agents as an API sends it."""
    return json.dumps({"kind": "AgentList", "metadata": {}, "items": agents}).encode()


@dataclass(frozen=True)
class _AgentRequests(ApiRequests):
    """Requests that need no API."""

    agents: Agents = ()

    @override
    def get(self, *_: object, **__: object) -> bytes:
        return serialize_agents(self.agents)


class FixedLiveStates(LiveStateCache):
    """Returns one live state, as if an observation had read it, and these agents.

    If the agents are None, nobody may read them.
    """

    def __init__(self, live: LiveState, agents: Agents | None = None) -> None:
        super().__init__()
        self._live = live
        self._agents = agents

    @override
    def get_cached(self, target: KubernetesTarget) -> LiveState:
        return self._live

    @override
    def read(
        self, target: KubernetesTarget, settings: Settings, expected: Collection[Kind] = ()
    ) -> LiveState:
        return self._live

    @override
    @contextmanager
    def open_requests(self, target: KubernetesTarget, settings: Settings) -> Iterator[ApiRequests]:
        if self._agents is None:
            raise PermanentError("Nobody may read the agents.")
        yield _AgentRequests(cast(KubernetesClient, None), target, settings, self._agents)
