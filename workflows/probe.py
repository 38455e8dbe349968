"""One question to a fabric, answered where the fabric can be reached.

The command line has no credentials of fabrics and may be far away from them; a worker on the fabric's
queue has both. So it starts one of these short workflows and waits for its answer. Both fail where no
worker takes the work.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.observe import ObserveRequest
    from fabrics.check import Check
    from fabrics.drift.diff_report import DiffReport
    from fabrics.inventory.report.preview import InventoryPreview
    from fabrics.inventory.report.report import InventoryReport
    from fabrics.inventory.report.request import InventoryRequest
    from fabrics.record.config import FabricConfig
    from workflows import activity_calls


@workflow.defn
class Probe:
    """Compare a fabric's Git directory with what it runs, in every field."""

    @workflow.run
    async def run(self, config: FabricConfig) -> DiffReport:
        """Ask a worker on the fabric's queue."""
        return await activity_calls.diff(config)


@workflow.defn
class Examination:
    """Try everything that a sync needs of a fabric: credentials, Git and Kubernetes."""

    @workflow.run
    async def run(self, config: FabricConfig) -> list[Check]:
        """Ask a worker on the fabric's queue."""
        return await activity_calls.diagnose(config)


@workflow.defn
class Preview:
    """Read a fabric and compare NetBox's inventory with it."""

    @workflow.run
    async def run(self, observe_request: ObserveRequest) -> InventoryPreview:
        """Ask workers on the fabric's queues."""
        seen = await activity_calls.observe(observe_request, answered_before=True)
        if seen.kubernetes_error:
            raise ApplicationError(seen.kubernetes_error)
        request = InventoryRequest(
            config=observe_request.config,
            live_digest=seen.live_digest,
            expected_counts=seen.counts,
            sync_number=0,
        )
        return await activity_calls.preview_inventory(request)


@workflow.defn
class Removal:
    """Take a fabric's inventory out of NetBox, once nobody syncs it any more."""

    @workflow.run
    async def run(self, config: FabricConfig) -> InventoryReport:
        """Ask a worker; what others have put something on stays, and is in the report."""
        return await activity_calls.remove_inventory(config)
