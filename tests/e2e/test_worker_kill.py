"""After a worker is killed during a sync, the next worker continues at once."""

import signal
import time
from datetime import timedelta

import pytest

from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.installation import SERVERS, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}


@pytest.mark.alone
@pytest.mark.parametrize("first_sync", [True, False])
async def test_sync_ends_within_ten_seconds_and_the_next_slot_is_kept(
    installation: Installation, first_sync: bool
) -> None:
    fabric = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=15)
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    async with installation.worker_process() as doomed:
        if not first_sync:
            await installation.start(fabric)
            await fabric.wait_for_status("in_sync")
        fabric.api.inject_fault(Fault(0, "servers"))
        if first_sync:
            await installation.start(fabric)
        else:
            await fabric.handle.signal("sync_now")
        before = await wait_until(fabric.status, lambda status: status.sync_status == "syncing")
        doomed.send_signal(signal.SIGKILL)
        doomed.wait()
    fabric.api.clear_faults()
    async with installation.worker():
        started = time.monotonic()
        after = await fabric.wait_for_syncs(before.syncs + 1, seconds=20)
        assert time.monotonic() - started < 10
        assert (await fabric.history())[-1].sync_status == "in_sync"
        await fabric.wait_for_status("in_sync", seconds=5)
        await fabric.wait_for_syncs(before.syncs + 2, seconds=20)
        last = (await fabric.history())[-1]
        assert last.slot is not None
        assert last.slot == after.next_sync
        assert last.started - last.slot < timedelta(seconds=1)
