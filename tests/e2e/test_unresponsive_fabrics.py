"""Fabrics that hang: more of them than there are slots of any kind, and the others do not notice."""

import asyncio
from functools import partial

from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.kubernetes.faults import Fault
from tests.support.system.installation import SERVERS, Fabric, Installation, in_yaml, until

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
FEW_SLOTS = {
    "FABRIC_SYNC_INVENTORY": "false",
    "FABRIC_SYNC_CONCURRENT_OBSERVES": "2",
    "FABRIC_SYNC_CONCURRENT_UNRESPONSIVE_OBSERVES": "2",
    "FABRIC_SYNC_ANSWER_TIMEOUT": "2",
    "FABRIC_SYNC_READ_TIMEOUT": "50",
}
MEANWHILE = 40
"""Seconds: less than a fabric that hangs keeps a slot."""

MANY = 1000


async def test_a_healthy_fabric_keeps_its_slots_while_others_hang(
    installation: Installation,
) -> None:
    fabrics = [await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(7)]
    healthy, *others = fabrics
    async with installation.worker(**FEW_SLOTS):
        await asyncio.gather(*(installation.start(fabric) for fabric in fabrics))
        await asyncio.gather(*(fabric.recorded("in_sync") for fabric in fabrics))
        faults = [Fault(0, times=MANY) for _ in others]
        for fabric, fault in zip(others, faults, strict=True):
            emulated(fabric).inject_fault(fault)
        await until(partial(requests_that_hang, faults), every_patient_slot_is_taken)
        before = await healthy.status()
        await healthy.synced(before.syncs + 3, MEANWHILE)
        assert {report.sync_status for report in await healthy.history()} == {"in_sync"}
        for fabric in others:
            emulated(fabric).clear_faults()
        await asyncio.gather(*(fabric.recorded("in_sync", 120) for fabric in others))


async def requests_that_hang(faults: list[Fault]) -> list[float]:
    """How many there have been, fabric by fabric."""
    return [MANY - fault.times for fault in faults]


def every_patient_slot_is_taken(requests: list[float]) -> bool:
    """All fabrics have been found silent, and as many as there are slots are read once more."""
    return min(requests) >= 1 and sum(requests) >= len(requests) + 2


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Its API, where faults can be injected."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api
