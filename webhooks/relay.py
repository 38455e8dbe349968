"""Turns webhooks into signals, which is all that a webhook can cause.

Nothing here raises or retries: after a lost signal, the fleet's next round or the fabric's next slot finds the
change anyway.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from activities.errors import PermanentError, TransientError, one_line
from activities.executions import misses_workflow
from activities.netbox.client import NetBox
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from fabrics.record.config import FabricConfig
from fabrics.record.config_fields import parse_config
from webhooks.affected_fabrics import find_affected_fabrics
from webhooks.payloads import PushEvent

SIGNAL_TIMEOUT: Final = timedelta(seconds=10)
"""Short, since later webhooks wait for it."""

MAX_CONCURRENT_SIGNALS: Final = 10
"""Enough to signal a large fleet within seconds without loading Temporal's server."""

log = logging.getLogger("fabric_sync.webhooks")


@dataclass(frozen=True)
class Relay:
    """Signals the workflows of one Temporal namespace."""

    client: Client
    netbox: NetBox

    async def notify_fleet(self, record_ids: Collection[int]) -> None:
        """Make the fleet compare records and loops at once."""
        log.info("NetBox reported changes of %d records.", len(record_ids))
        await self._signal(FLEET_WORKFLOW_ID, "record_changed")

    async def sync_affected_fabrics(self, pushes: Collection[PushEvent]) -> None:
        """Sync the fabrics that follow the branches: one read, one signal per fabric."""
        try:
            configs = await asyncio.to_thread(self._load_configs)
        except (PermanentError, TransientError) as error:
            log.warning("Pushes have to wait for the next slots of their fabrics: %s", error)
            return
        fabric_ids = find_affected_fabrics(configs, pushes)
        log.info("%d pushes affect %d fabrics.", len(pushes), len(fabric_ids))
        limit = asyncio.Semaphore(MAX_CONCURRENT_SIGNALS)

        async def signal(fabric_id: str) -> None:
            async with limit:
                await self._signal(workflow_id(fabric_id), "sync_now")

        await asyncio.gather(*map(signal, fabric_ids))

    def _load_configs(self) -> list[FabricConfig]:
        return [parse_config(record) for record in self.netbox.list_records()]

    async def _signal(self, workflow: str, signal: str) -> None:
        """Signal a running workflow; only the fleet starts workflows."""
        handle = self.client.get_workflow_handle(workflow)
        try:
            await handle.signal(signal, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            if misses_workflow(error):
                log.info("%s is not running, so it was not signalled.", workflow)
            else:
                log.warning("%s could not be signalled: %s", workflow, one_line(error.message))
