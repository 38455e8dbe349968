"""Fabrics that hang: more of them than there are slots of any kind, and the others do not notice."""

import asyncio

from stack.faults import Fault
from stack.kubernetes_emulator import EmulatedKubernetesApi
from tests.e2e.installation import SERVERS, Fabric, Installation, in_yaml

IN_GIT = {"fabric.yaml": in_yaml(SERVERS)}
FEW_SLOTS = {
    "FABRIC_SYNC_CONCURRENT_OBSERVES": "2",
    "FABRIC_SYNC_CONCURRENT_PATIENT_OBSERVES": "2",
    "FABRIC_SYNC_ANSWER_TIMEOUT": "0.5",
    "FABRIC_SYNC_READ_TIMEOUT": "8",
}


async def test_a_healthy_fabric_keeps_its_slots_while_others_hang(
    installation: Installation,
) -> None:
    fabrics = [await installation.fabric(IN_GIT, SERVERS, hh_sync_interval=5) for _ in range(7)]
    healthy, *others = fabrics
    async with installation.worker(**FEW_SLOTS):
        await asyncio.gather(*(installation.start(fabric) for fabric in fabrics))
        await asyncio.gather(*(fabric.recorded("in_sync") for fabric in fabrics))
        for fabric in others:
            emulated(fabric).fail(Fault(0))
        before = await healthy.status()
        await asyncio.gather(*(fabric.recorded("error", 90) for fabric in others))
        after = await healthy.status()
        assert (after.missed, after.sync_status) == (before.missed, "in_sync")
        assert after.syncs > before.syncs
        assert all(report.lateness < 2 for report in await healthy.history() if report.lateness)
        for fabric in others:
            emulated(fabric).heal()
        await asyncio.gather(*(fabric.recorded("in_sync", 90) for fabric in others))


def emulated(fabric: Fabric) -> EmulatedKubernetesApi:
    """Its API, where faults can be injected."""
    assert isinstance(fabric.api, EmulatedKubernetesApi)
    return fabric.api
