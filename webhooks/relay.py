"""From hints to signals, which are all that a webhook can cause.

Nothing here raises or is tried again: the fleet's next round and a fabric's next slot find out anyway
what a signal that is lost would have told.
"""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import PermanentError, TransientError, one_line
from activities.netbox.client import NetBox
from fabrics.fleet.reconcile import FLEET_WORKFLOW_ID
from fabrics.loop.loop import workflow_id
from fabrics.record.config import FabricConfig
from fabrics.record.status_fields import parse_config
from webhooks.affected_fabrics import find_affected_fabrics
from webhooks.payloads import PushEvent

SIGNAL_TIMEOUT: Final = timedelta(seconds=10)
"""What one signal may take: bursts behind it are waiting."""

log = logging.getLogger("fabric_sync.webhooks")


@dataclass(frozen=True)
class Relay:
    """Tells the loops of one Temporal namespace about the records of one NetBox."""

    client: Client
    netbox: NetBox

    async def notify_fleet(self, record_ids: Collection[int]) -> None:
        """Have the records compared with the loops at once."""
        log.info("NetBox told of changes of %d records.", len(record_ids))
        await self._signal(FLEET_WORKFLOW_ID, "record_changed")

    async def sync_affected_fabrics(self, pushes: Collection[PushEvent]) -> None:
        """Have the fabrics synced that follow these branches: one read, one signal for each."""
        try:
            configs = await asyncio.to_thread(self._load_configs)
        except (PermanentError, TransientError) as error:
            log.warning("A push is left to the fabrics' next slots: %s", error)
            return
        fabric_ids = find_affected_fabrics(configs, pushes)
        log.info("%d pushes concern %d fabrics.", len(pushes), len(fabric_ids))
        await asyncio.gather(*(self._signal(workflow_id(each), "sync_now") for each in fabric_ids))

    def _load_configs(self) -> list[FabricConfig]:
        return [parse_config(record) for record in self.netbox.list_records()]

    async def _signal(self, workflow: str, signal: str) -> None:
        """A workflow that does not run is never started: that is the fleet's business alone."""
        try:
            await self.client.get_workflow_handle(workflow).signal(
                signal, rpc_timeout=SIGNAL_TIMEOUT
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                log.info("%s does not run, so it gets no signal.", workflow)
            else:
                log.warning("%s got no signal: %s", workflow, one_line(error.message))
