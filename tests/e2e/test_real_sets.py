"""Real fabrics: each sample set in Git, its live form in Kubernetes, one worker for all of them."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.e2e.installation import Installation, until
from tests.fabrics.sets import HEDGEHOG, LEGACY, SETS, SampleSet, needs_samples


def in_git(sample: SampleSet) -> dict[str, str]:
    """The files of a set as they lie in its repository."""
    return {name: (HEDGEHOG / "samples" / name).read_text() for name in sample.files}


def live(sample: SampleSet) -> list[Mapping[str, Any]]:
    """What the set's API holds."""
    dump = json.loads((HEDGEHOG / "live" / f"{sample.live}.webhook.json").read_text())
    items: list[Mapping[str, Any]] = dump["items"]
    return items


@needs_samples
async def test_every_set_syncs_with_the_right_counts(installation: Installation) -> None:
    # NetBox would take minutes for their inventories, which tests of their own are about.
    installation.changes = {"FABRIC_SYNC_INVENTORY": "false"}
    async with installation.worker():
        fabrics = {
            sample: await installation.fabric(in_git(sample), live(sample), hh_sync_interval=3600)
            for sample in (*SETS, LEGACY)
        }
        for fabric in fabrics.values():
            await installation.start(fabric)
        for sample, fabric in fabrics.items():
            status = await until(fabric.status, lambda status: status.syncs > 0)
            assert status.connection_error == "", sample
            record = await fabric.recorded(status.sync_status)
            assert record["counts"] == Counter(item["kind"] for item in live(sample)), sample
            if sample is not LEGACY:
                assert (status.sync_status, status.drift_count) == ("in_sync", 0), sample
        large = next(
            fabric for sample, fabric in fabrics.items() if sample.name == "gpu-rail-large"
        )
        assert (await large.history())[0].objects == 1064
