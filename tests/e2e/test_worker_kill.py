"""After a worker is killed during a sync, the next worker continues at once."""

import signal
from functools import partial

from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.fleet import edit, only_these_run
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
    fabrics = (synced, new)
    async with installation.worker_process(**PATIENCE) as doomed:
        await synced.wait_for_status("in_sync")
        for fabric in fabrics:
            assert isinstance(fabric.api, EmulatedKubernetesApi)
            fabric.api.inject_fault(Fault(0, "servers"))
        await synced.handle.signal("sync_now")
        await edit(new, custom_fields={"hh_sync_enabled": True})
        await wait_until(partial(only_these_run, installation.client, fabrics), bool)
        before = [
            await wait_until(fabric.status, lambda status: status.sync_status == "syncing")
            for fabric in fabrics
        ]
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    for fabric in fabrics:
        assert isinstance(fabric.api, EmulatedKubernetesApi)
        fabric.api.clear_faults()
    async with installation.worker():
        for fabric, status in zip(fabrics, before, strict=True):
            await fabric.wait_for_syncs(status.syncs + 2)
            interrupted, following = (await fabric.history())[-2:]
            assert interrupted.number == status.syncs + 1
            assert (interrupted.sync_status, interrupted.missed) == ("in_sync", 0)
            assert following.slot == status.next_sync
            await fabric.wait_for_status("in_sync")
