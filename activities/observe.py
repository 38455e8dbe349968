"""The activity that looks at a fabric: Git and Kubernetes side by side, then the drift between them."""

from dataclasses import dataclass

from pydantic import BaseModel
from temporalio import activity

from fabrics.config import FabricConfig
from fabrics.status import Observation
from settings import Settings


class ObserveRequest(BaseModel, frozen=True):
    """The fabric to look at."""

    config: FabricConfig


@dataclass(frozen=True)
class FabricActivities:
    """What needs a fabric's Git repository and its Kubernetes API."""

    settings: Settings

    @activity.defn
    def observe(self, request: ObserveRequest) -> Observation:
        """Look at Git and Kubernetes once. A source that fails is said in the observation."""
        raise NotImplementedError
