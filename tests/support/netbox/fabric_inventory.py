"""A fabric whose inventory tests keep in the real NetBox, and short ways to look at it there."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import override

import requests
from temporalio.testing import ActivityEnvironment

from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.update import InventoryActivities
from activities.kubernetes.live_state import LiveStateCache
from activities.netbox.client import NetBox, Row
from activities.setup.access import Grant
from fabrics.drift import LiveState
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.report.report import InventoryOutcome
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.resources.resource import Resource
from settings import Settings
from tests.support.fabrics.objects import live_state

CHANGES = "core/object-changes"


class FixedLiveStates(LiveStateCache):
    """What an observation would have read."""

    def __init__(self, live: LiveState) -> None:
        super().__init__()
        self.live = live

    @override
    def get_cached(self, target: KubernetesTarget, expected_digest: str) -> LiveState | None:
        return self.live


@dataclass
class FabricInventory:
    """A fabric with a record; `netbox` is for the user that workers are, `admin` for a person."""

    netbox: InventoryNetBox
    admin: NetBox
    record: Row
    site: str = ""
    absences: dict[str, int] = field(default_factory=dict)
    syncs: int = 0
    _latest: int = 0

    @property
    def fabric_id(self) -> str:
        return str(self.record["custom_fields"]["hh_fabric_id"])

    def plan(self, live: LiveState) -> Plan:
        return make_plan(live, FabricIdentity(self.fabric_id, self.record["name"], self.site))

    def sync(self, *resources: Resource, adopt: bool = False) -> InventoryOutcome:
        """Bring NetBox up to these objects."""
        return self.sync_live(live_state(*resources), adopt=adopt)

    def sync_live(
        self,
        live: LiveState,
        confirmed: str = "",
        counts: dict[str, int] | None = None,
        adopt: bool = False,
    ) -> InventoryOutcome:
        self.syncs += 1
        words = {"confirmed": confirmed, "counts": counts or {}, "adopt": adopt}
        request = self.request.model_copy(update=words)
        outcome = ActivityEnvironment().run(self.activities(live).update_inventory, request)
        self.absences = outcome.absence_counts
        return outcome

    def activities(self, live: LiveState) -> InventoryActivities:
        """The activities of a worker that has seen this live state."""
        return InventoryActivities(self.netbox, FixedLiveStates(live), Settings())

    @property
    def request(self) -> InventoryRequest:
        """What the next sync asks for."""
        target = KubernetesTarget(
            server="https://10.0.0.1:6443", namespace="default", credential="x"
        )
        config = FabricConfig(
            fabric_id=self.fabric_id,
            name=self.record["name"],
            record_id=self.record["id"],
            kubernetes=target,
        )
        return InventoryRequest(
            config=config,
            live_digest="",
            expected_counts={},
            sync_number=self.syncs,
            commit="4f" * 20,
            absence_counts=self.absences,
        )

    @contextmanager
    def requests(self) -> Iterator[list[str]]:
        """The requests that are sent to NetBox meanwhile, as the method and the path."""
        sent: list[str] = []

        def note(answer: requests.Response, **_: object) -> None:
            sent.append(f"{answer.request.method} {answer.request.path_url}")

        hooks = self.netbox._session.hooks["response"]
        hooks.append(note)
        yield sent
        hooks.remove(note)

    # -- what a person sees -----------------------------------------------------------------------

    def own(self, model: Model) -> list[Row]:
        """The fabric's objects of a model."""
        found = self.admin.list_rows(PATHS[model], cf_hh_fabric=self.fabric_id)
        return [row for row in found if row["custom_fields"]["hh_fabric"] == self.fabric_id]

    def one(self, model: Model, key: str) -> Row:
        """The object with this `hh_key`."""
        [found] = [row for row in self.own(model) if row["custom_fields"]["hh_key"] == key]
        return found

    def ids(self) -> dict[tuple[Model, str], int]:
        """All ids, by model and key."""
        return {
            (model, row["custom_fields"]["hh_key"]): row["id"]
            for model in OWNED_MODELS
            for row in self.own(model)
        }

    def edit(self, model: Model, row: Row, **values: object) -> None:
        """Change something as a person does."""
        self.admin.update(PATHS[model], row["id"], values)

    def latest(self) -> int:
        """The id of the latest row in the changelog of all of NetBox."""
        found = self.admin.list_rows(CHANGES, fields="id", id__gt=self._latest)
        self._latest = max((row["id"] for row in found), default=self._latest)
        return self._latest

    def changelog(self, since: int) -> list[Row]:
        """What was changed in NetBox since a row of its changelog."""
        fields = "id,action,message,changed_object_type,changed_object_id"
        rows = self.admin.list_rows(CHANGES, fields=fields, id__gt=since)
        return [row for row in rows if row["id"] > since]


def withdrawn(admin: NetBox, grant: Grant) -> AbstractContextManager[None]:
    """NetBox without one of the permissions that `setup` gave."""
    return _changed(admin, grant, enabled=False)


def narrowed(admin: NetBox, grant: Grant, **constraints: str) -> AbstractContextManager[None]:
    """NetBox with one of the permissions that `setup` gave for some objects only."""
    return _changed(admin, grant, constraints=constraints)


@contextmanager
def _changed(admin: NetBox, grant: Grant, **fields: object) -> Iterator[None]:
    name = grant.permission.key["name"]
    [row] = [row for row in admin.list_rows("users/permissions", name=name) if row["name"] == name]
    admin.update("users/permissions", row["id"], fields)
    try:
        yield
    finally:
        admin.update("users/permissions", row["id"], {name: row[name] for name in fields})


def cable_ports(row: Row) -> set[tuple[str, str]]:
    """The device and the name of both ports of a cable, as REST shows it."""
    ends = [*row["a_terminations"], *row["b_terminations"]]
    return {(end["object"]["device"]["name"], end["object"]["name"]) for end in ends}


type MakeInventory = Callable[..., FabricInventory]
