"""Real fabrics: the sample sets in Git and in Kubernetes, with one worker."""

from collections import Counter

from fabrics.loop.report import FabricStatus
from fabrics.record.sync_status import SyncStatus
from tests.support.fabrics.sample_sets import LEGACY, SETS, in_git, live_items, needs_samples
from tests.support.system.installation import Installation, wait_until


@needs_samples
async def test_every_sample_set_syncs_with_correct_counts(installation: Installation) -> None:
    async with installation.worker():
        fabrics = {
            sample: await installation.fabric(
                in_git(sample), live_items(sample), hh_sync_interval=3600
            )
            for sample in (*SETS, LEGACY)
        }
        for fabric in fabrics.values():
            await installation.start(fabric)
        for sample, fabric in fabrics.items():
            status = await wait_until(fabric.status, is_between_syncs)
            assert status.connection_error == "", sample
            record = await fabric.wait_for_status(status.sync_status)
            assert record["counts"] == Counter(item["kind"] for item in live_items(sample)), sample
            if sample is not LEGACY:
                assert (status.sync_status, status.drift_count) == ("in_sync", 0), sample
        large = next(
            fabric for sample, fabric in fabrics.items() if sample.name == "gpu-rail-large"
        )
        assert (await large.history())[0].objects == 1064


def is_between_syncs(status: FabricStatus) -> bool:
    """Return whether a sync has ended and none runs."""
    return status.syncs > 0 and status.sync_status is not SyncStatus.SYNCING
