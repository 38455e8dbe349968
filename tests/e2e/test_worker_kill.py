"""After a worker is killed during a sync, the next worker continues at once."""

import signal

from fabrics.loop.report import FabricStatus
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.fleet import edit
from tests.support.system.installation import SERVERS, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
INTERVAL = 50
"""Below the 60 s after which Temporal gives up a lost activity that sends no heartbeats."""

PATIENCE = {"FABRIC_SYNC_ANSWER_TIMEOUT": "50", "FABRIC_SYNC_READ_TIMEOUT": "50"}
"""A fabric that does not answer for so long is read again, and only once: a killed worker would be an error."""


async def test_interrupted_syncs_end_before_the_next_slots(installation: Installation) -> None:
    fields = {"hh_sync_interval": INTERVAL}
    synced = await installation.fabric(IN_GIT, SERVERS, **fields)
    new = await installation.fabric(IN_GIT, SERVERS, hh_sync_enabled=False, **fields)
    fabrics = (new, synced)
    async with installation.worker_process(**PATIENCE) as doomed:
        await synced.wait_for_status("in_sync")
        for fabric in fabrics:
            assert isinstance(fabric.api, EmulatedKubernetesApi)
            fabric.api.inject_fault(Fault(0, "servers"))
        # Both have to recover before their next slots, half an interval or more after these syncs.
        await edit(new, custom_fields={"hh_sync_enabled": True})
        await installation.start(new, sync=False)
        before = [await wait_until(new.status, is_syncing)]
        await synced.handle.signal("sync_now")
        before.append(await wait_until(synced.status, is_syncing))
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    for fabric in fabrics:
        assert isinstance(fabric.api, EmulatedKubernetesApi)
        fabric.api.clear_faults()
    async with installation.worker():
        for fabric, status in zip(fabrics, before, strict=True):
            await fabric.wait_for_syncs(status.syncs + 2)
            interrupted, following = (await fabric.history())[status.syncs : status.syncs + 2]
            assert interrupted.number == status.syncs + 1
            assert (interrupted.sync_status, interrupted.missed) == ("in_sync", 0)
            assert following.slot == status.next_sync
            await fabric.wait_for_status("in_sync")


def is_syncing(status: FabricStatus) -> bool:
    """Return whether the loop shows a running sync."""
    return status.sync_status == "syncing"
