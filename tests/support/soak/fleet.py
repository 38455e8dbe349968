"""A fleet in groups of fabrics that share an API, a repository and a credential."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from temporalio.client import WorkflowHandle

from activities.inventory.netbox.endpoints import PATHS
from activities.netbox.client import NetBox
from fabrics.inventory.model.naming import FabricIdentity
from fabrics.inventory.model.ownership import FABRIC_FIELD, KEY_FIELD, TAG_SLUG
from fabrics.inventory.model.planned import Model
from fabrics.inventory.model.registry import OWNED_MODELS
from fabrics.inventory.plan.plan import make_plan
from fabrics.loop.loop import workflow_id
from tests.support.inventory.live_samples import parse_live_state
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, manifest
from workflows.fabric_sync import FabricSync

type ObjectCounts = Counter[tuple[Model, str]]
"""How many objects of each model NetBox has for each `hh_key` of a fabric."""

MAX_CHANGES: Final = 65_536
"""Each change adds a network of its own."""


@dataclass
class Group:
    """Fabrics with one live state and one desired state."""

    fabrics: list[Fabric]
    items: list[dict[str, Any]] = field(default_factory=lambda: list(SERVERS))

    async def change(self) -> None:
        """Add an external network, live and in Git."""
        number = len(self.items)
        assert number < MAX_CHANGES
        prefix = f"10.{number // 256}.{number % 256}.0/24"
        spec = {"ipv4Namespace": "default", "static": {"prefixes": [prefix]}}
        item = manifest("External", f"external-{number}", spec, group="vpc")
        self.items.append(item)
        first = self.fabrics[0]
        first.api.apply(item)
        files = {f"external-{number}.yaml": in_yaml([item])}
        await asyncio.to_thread(first.repository.commit, files)

    @property
    def expected_objects(self) -> dict[str, ObjectCounts]:
        """What NetBox has to show of each fabric, by fabric id."""
        live = parse_live_state(self.items)
        plans = {
            fabric.fabric_id: make_plan(live, FabricIdentity(fabric.fabric_id, fabric.fabric_id))
            for fabric in self.fabrics
        }
        return {
            fabric_id: Counter(
                (planned.MODEL, planned.key) for planned in plan.objects if not planned.SHARED
            )
            for fabric_id, plan in plans.items()
        }


async def create_group(installation: Installation, size: int, interval: int) -> Group:
    """Create `size` fabrics that sync every `interval` seconds."""
    in_git = {"servers.yaml": in_yaml(SERVERS)}
    first = await installation.fabric(in_git, SERVERS, hh_sync_interval=interval)
    fabrics = [first]
    for number in range(1, size):
        fabric_id = f"{first.fabric_id}-{number:02}"
        fields = {
            "hh_fabric_id": fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": interval,
            "hh_kubernetes_server": first.api.server,
            "hh_git_repository": first.repository.url,
            "hh_credentials": first.fabric_id,
        }
        record = await asyncio.to_thread(installation.admin.create_record, fabric_id, fields)
        handle: WorkflowHandle[FabricSync, str] = installation.client.get_workflow_handle_for(
            FabricSync.run, workflow_id(fabric_id)
        )
        fabrics.append(replace(first, fabric_id=fabric_id, record_id=record["id"], handle=handle))
    return Group(fabrics)


def count_objects(admin: NetBox, fabric_ids: Iterable[str]) -> Mapping[str, ObjectCounts]:
    """Return what NetBox has of the inventory of each fabric, by fabric id."""
    found: defaultdict[str, ObjectCounts] = defaultdict(Counter)
    for model in OWNED_MODELS:
        for row in admin.list_rows(PATHS[model], tag=TAG_SLUG, fields="id,custom_fields"):
            fields = row["custom_fields"]
            found[fields[FABRIC_FIELD]][model, fields[KEY_FIELD]] += 1
    return {fabric_id: found[fabric_id] for fabric_id in fabric_ids}
