"""Healthy fabrics stay on schedule while more hang than there are worker slots."""

import asyncio
from functools import partial

from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, wait_until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
FEW_SLOTS = {
    "FABRIC_SYNC_CONCURRENT_OBSERVES": "2",
    "FABRIC_SYNC_CONCURRENT_UNRESPONSIVE_OBSERVES": "2",
    "FABRIC_SYNC_ANSWER_TIMEOUT": "10",  # a healthy fabric on a busy machine takes seconds
    "FABRIC_SYNC_READ_TIMEOUT": "290",  # longer than the test waits for the healthy fabric
}
INTERVAL_OF_OTHERS = 300
"""Seconds: an attempt to read a fabric may last one interval, so only the timeout above ends it."""

MANY_FAULTS = 1000


async def test_healthy_fabric_keeps_its_slots_while_others_hang(
    installation: Installation,
) -> None:
    healthy = await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5)
    others = [
        await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=INTERVAL_OF_OTHERS)
        for _ in range(6)
    ]
    fabrics = [healthy, *others]
    async with installation.worker(**FEW_SLOTS):
        await asyncio.gather(*(installation.start(fabric) for fabric in fabrics))
        await asyncio.gather(*(fabric.wait_for_status("in_sync") for fabric in fabrics))
        faults = [Fault(0, times=MANY_FAULTS) for _ in others]
        for fabric, fault in zip(others, faults, strict=True):
            emulated(fabric).inject_fault(fault)
        await request_syncs(others)
        await wait_until(
            partial(count_unanswered_requests, faults), every_unresponsive_slot_is_taken
        )
        before = await healthy.status()
        await healthy.wait_for_syncs(before.syncs + 3)
        assert {report.sync_status for report in await healthy.history()} == {"in_sync"}
        for fabric in others:
            emulated(fabric).clear_faults()
        await request_syncs(others)
        await asyncio.gather(*(fabric.wait_for_status("in_sync") for fabric in others))


async def request_syncs(fabrics: list[Fabric]) -> None:
    """Request a sync of each, or one more of those that sync now."""
    await asyncio.gather(*(fabric.handle.signal("sync_now") for fabric in fabrics))


async def count_unanswered_requests(faults: list[Fault]) -> list[float]:
    """Return the number of hanging requests of each fabric."""
    return [MANY_FAULTS - fault.times for fault in faults]


def every_unresponsive_slot_is_taken(requests: list[float]) -> bool:
    """Return whether all fabrics were unresponsive and two are read again."""
    return min(requests) >= 1 and sum(requests) >= len(requests) + 2


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Return the fabric's API as an emulator, which can inject faults."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api
