"""A fabric with an inventory in NetBox or a fake, which tests sync and edit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import batched
from typing import Any

import pytest
import requests
from temporalio.testing import ActivityEnvironment

from activities.git.desired_state import DesiredStateCache
from activities.inventory.netbox.client import InventoryNetBox
from activities.inventory.netbox.endpoints import PATHS
from activities.inventory.read.reader import LISTS_PER_REQUEST
from activities.inventory.update import InventoryActivities
from activities.netbox.client import CLUSTERS_PATH, NetBox, Row
from activities.setup.access import Grant
from bench.installation.fixed_live_states import FixedLiveStates
from fabrics.drift.model import LiveState
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan.plan import Plan, make_plan
from fabrics.inventory.prune.policy import MIN_ABSENT_PASSES
from fabrics.inventory.report.report import InventoryOutcome, InventoryReport
from fabrics.inventory.report.request import InventoryRequest
from fabrics.record.config import FabricConfig, KubernetesTarget
from fabrics.resources.resource import Resource
from settings import Settings
from tests.support.fabrics.objects import live_state

CHANGES = "core/object-changes"
FAKE, NETBOX = "fake", "netbox"

scenario = pytest.mark.parametrize(
    "make_inventory", [FAKE, pytest.param(NETBOX, marks=pytest.mark.soak)], indirect=True
)
"""Runs a test in a fake NetBox, and in the soak tests also in the real one."""

key_scenario = pytest.mark.parametrize("make_inventory", [FAKE, NETBOX], indirect=True)
"""Runs a test in both always: it depends on a rule that only the real one can confirm."""


INSTANCE = "default@tests"
"""The installation whose workers write inventories in tests; records without an owner are its own, too."""


@dataclass
class FabricInventory:
    """A fabric with a record; `netbox` is the workers' client, `admin` a person's.

    `agents` are what its API lists, or None if nobody may read them; `outcome` is that of the last sync.
    """

    netbox: InventoryNetBox
    admin: NetBox
    record: Row
    site: str = ""
    absence_counts: dict[str, int] = field(default_factory=dict)
    sync_number: int = 0
    agents: Sequence[Mapping[str, Any]] | None = None
    silent_switches: tuple[str, ...] = ()
    drifted: dict[str, str] | None = None
    outcome: InventoryOutcome | None = None

    @property
    def fabric_id(self) -> str:
        return str(self.record["custom_fields"]["hh_fabric_id"])

    def plan(self, live: LiveState) -> Plan:
        return make_plan(live, FabricIdentity(self.fabric_id, self.record["name"], self.site))

    def sync(self, *resources: Resource, adopt: bool = False) -> InventoryOutcome:
        """Bring NetBox up to date with these live objects."""
        return self.sync_live(live_state(*resources), adopt=adopt)

    def sync_live(
        self,
        live: LiveState,
        confirmed: str = "",
        counts: dict[str, int] | None = None,
        adopt: bool = False,
    ) -> InventoryOutcome:
        self.sync_number += 1
        fields = {"confirmed_digest": confirmed, "expected_counts": counts or {}, "adopt": adopt}
        request = self.request.model_copy(update=fields)
        outcome = ActivityEnvironment().run(self.build_activities(live).update_inventory, request)
        self.absence_counts, self.outcome = outcome.absence_counts, outcome
        return outcome

    def sync_to_deletion(self, live: LiveState) -> InventoryOutcome:
        """Sync twice, as if what is absent had been absent long enough by then."""
        self.sync_live(live)
        self.absence_counts = dict.fromkeys(self.absence_counts, MIN_ABSENT_PASSES - 1)
        return self.sync_live(live)

    def remove(self) -> InventoryReport:
        """Switch the fabric off and delete its inventory, as `remove --inventory` does."""
        self.edit_record(hh_sync_enabled=False)
        remove = self.build_activities(LiveState({})).remove_inventory
        return ActivityEnvironment().run(remove, self.request.config)

    def build_activities(self, live: LiveState) -> InventoryActivities:
        """Return the activities of a worker that has observed this live state."""
        states = FixedLiveStates(live, self.agents)
        return InventoryActivities(self.netbox, DesiredStateCache(), states, Settings(), INSTANCE)

    @property
    def request(self) -> InventoryRequest:
        """The request of the next sync."""
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
            sync_number=self.sync_number,
            commit="4f" * 20,
            absence_counts=self.absence_counts,
            cabling=self.outcome.cabling if self.outcome else None,
            cabling_seen=self.outcome.cabling_seen if self.outcome else None,
            breakouts=(self.outcome.breakouts if self.outcome else None) or (),
            silent_switches=self.silent_switches,
            drifted=self.drifted,
        )

    @contextmanager
    def record_requests(self) -> Iterator[list[str]]:
        """Record the requests to NetBox in the `with` block, as method and path."""
        sent: list[str] = []

        def record(response: requests.Response, **_: object) -> None:
            sent.append(f"{response.request.method} {response.request.path_url}")

        hooks = self.netbox._session.hooks["response"]
        hooks.append(record)
        yield sent
        hooks.remove(record)

    # -- through a person's eyes -----------------------------------------------------------------------

    def objects(self, model: Model, **filters: str) -> list[Row]:
        """Return the fabric's objects of a model."""
        rows = self.admin.list_rows(PATHS[model], cf_hh_fabric=self.fabric_id, **filters)
        return [row for row in rows if row["custom_fields"]["hh_fabric"] == self.fabric_id]

    def get(self, model: Model, key: str) -> Row:
        """Return the object with this `hh_key`."""
        rows = self.objects(model, cf_hh_key=key)
        [row] = [row for row in rows if row["custom_fields"]["hh_key"] == key]
        return row

    def ids(self) -> dict[tuple[Model, str], int]:
        """Return the ids of all objects by model and key, in few requests."""
        is_fabric = f'lookup: {{ string_lookup: {{ exact: "{self.fabric_id}" }} }}'
        filters = f'filters: {{ custom_field_data: {{ path: "{FABRIC_FIELD}", {is_fabric} }} }}'
        select = f"({filters}, pagination: {{ start: 0, limit: 1000 }}) {{ id custom_field_data }}"
        ids: dict[tuple[Model, str], int] = {}
        for models in batched(OWNED_MODELS, LISTS_PER_REQUEST):
            names = (model.name.lower() for model in models)
            lists = " ".join(f"{name.upper()}: {name}_list{select}" for name in names)
            ids |= {
                (Model[alias], row["custom_field_data"][KEY_FIELD]): int(row["id"])
                for alias, rows in self.netbox.graphql(f"{{ {lists} }}").items()
                for row in rows
                if row["custom_field_data"][FABRIC_FIELD] == self.fabric_id
            }
        return ids

    def edit(self, model: Model, row: Row, **values: object) -> None:
        """Change an object as a person does."""
        self.admin.update(PATHS[model], row["id"], values)

    def edit_record(self, **custom_fields: object) -> None:
        """Change the fabric's record as a person does."""
        self.admin.update(CLUSTERS_PATH, self.record["id"], {"custom_fields": custom_fields})

    def latest_change(self) -> int:
        """Return the id of the latest row of NetBox's changelog."""
        latest = self.admin._get(CHANGES, {"fields": "id", "ordering": "-id"}, limit=1, offset=0)
        return max((row["id"] for row in latest), default=0)

    def changes_since(self, since: int) -> list[Row]:
        """Return the rows of NetBox's changelog after the one with the id `since`."""
        fields = "id,action,message,changed_object_type,changed_object_id"
        rows = self.admin.list_rows(CHANGES, fields=fields, id__gt=since)
        return [row for row in rows if row["id"] > since]


def grant_disabled(admin: NetBox, grant: Grant) -> AbstractContextManager[None]:
    """Disable a permission that `setup` granted, in the `with` block."""
    return _grant_changed(admin, grant, enabled=False)


def grant_reduced(admin: NetBox, grant: Grant, *actions: str) -> AbstractContextManager[None]:
    """Let a permission of `setup` allow only these actions, in the `with` block."""
    return _grant_changed(admin, grant, actions=actions)


def grant_constrained(
    admin: NetBox, grant: Grant, **constraints: str
) -> AbstractContextManager[None]:
    """Limit a permission that `setup` granted to some objects, in the `with` block."""
    return _grant_changed(admin, grant, constraints=constraints)


@contextmanager
def _grant_changed(admin: NetBox, grant: Grant, **fields: object) -> Iterator[None]:
    name = grant.permission.key["name"]
    [row] = [row for row in admin.list_rows("users/permissions", name=name) if row["name"] == name]
    admin.update("users/permissions", row["id"], fields)
    try:
        yield
    finally:
        admin.update("users/permissions", row["id"], {name: row[name] for name in fields})


def cable_ports(row: Row) -> set[tuple[str, str]]:
    """Return the device and the name of both ports of a cable from REST."""
    ends = [*row["a_terminations"], *row["b_terminations"]]
    return {(end["object"]["device"]["name"], end["object"]["name"]) for end in ends}


type MakeInventory = Callable[..., FabricInventory]
