"""Short workflows for questions that only a worker near the fabric can answer.

The command line has no credentials of fabrics and may not reach them; a worker on the fabric's queue has
them and does. So the command line starts one of these and waits; it fails if no worker takes the work.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.checks import Check
    from activities.inventory.update import InventoryActivities
    from activities.observe import FabricActivities, ObserveRequest
    from fabrics.drift.diff_report import DiffReport
    from fabrics.inventory.report.preview import InventoryPreview
    from fabrics.inventory.report.report import InventoryReport
    from fabrics.inventory.report.request import InventoryRequest
    from fabrics.loop.inventory_pass import inventory_workflow_id
    from fabrics.record.config import FabricConfig
    from fabrics.record.task_queues import inventory_queue, observe_queue
    from workflows import activity_calls
    from workflows.activity_errors import build_retry_policy
    from workflows.workflow_ids import check_workflow_id


@workflow.defn
class Probe:
    """Compare a fabric's Git directory with its live state, in every field."""

    @workflow.run
    async def run(self, config: FabricConfig) -> DiffReport:
        """Compare on the fabric's queue."""
        options = _interactive_options(f"compare Git and Kubernetes of {config.name}")
        return await activity_calls.call_fabric(
            FabricActivities.diff,
            config,
            config,
            options,
            responsive_queue=activity_calls.get_observe_queue(config),
        )


@workflow.defn
class Examination:
    """Check a fabric's credentials, Git and Kubernetes, as a sync needs them."""

    @workflow.run
    async def run(self, config: FabricConfig) -> list[Check]:
        """Check in worker slots for unresponsive fabrics: the longest timeouts apply."""
        options = _interactive_options(f"check Git and Kubernetes of {config.name}")
        return await activity_calls.call_fabric(
            FabricActivities.diagnose, config, config, options, responsive_queue=""
        )


@workflow.defn
class Preview:
    """Read a fabric and return what a sync would write to its inventory."""

    @workflow.run
    async def run(self, observe_request: ObserveRequest) -> InventoryPreview:
        """Read and compare on the fabric's queues."""
        config = observe_request.config
        observation = await activity_calls.observe(
            observe_request, answered_before=True, is_catching_up=False
        )
        if observation.kubernetes_error:
            raise ApplicationError(observation.kubernetes_error)
        request = InventoryRequest(
            config=config,
            live_digest=observation.live_digest,
            expected_counts=observation.counts,
            sync_number=0,
        )
        options = _interactive_options(f"compare the inventory of {config.name}")
        options["task_queue"] = activity_calls.get_preview_queue(config)
        options["retry_policy"] = build_retry_policy(retry=False)
        return await workflow.execute_activity_method(
            InventoryActivities.preview_inventory, request, **options
        )


@workflow.defn
class Removal:
    """Delete a fabric's inventory from NetBox once no loop syncs it any more."""

    @workflow.run
    async def run(self, config: FabricConfig) -> InventoryReport:
        """Delete near the loops; the report lists what stays because others depend on it."""
        id_ = config.fabric_id
        check_workflow_id(
            inventory_workflow_id(id_), f"`starter.py remove {id_} --inventory` starts that one."
        )
        return await workflow.execute_activity_method(
            InventoryActivities.remove_inventory,
            config,
            task_queue=inventory_queue(observe_queue(workflow.info().task_queue)),
            heartbeat_timeout=activity_calls.HEARTBEAT_TIMEOUT,
            start_to_close_timeout=activity_calls.INVENTORY_TIMEOUT,
            retry_policy=build_retry_policy(),
            summary=f"delete the inventory of {config.name}"[:200],
        )


def _interactive_options(summary: str) -> workflow.ActivityConfig:
    """Return options for a call that people wait for: busy workers make it fail soon."""
    return workflow.ActivityConfig(
        heartbeat_timeout=activity_calls.HEARTBEAT_TIMEOUT,
        schedule_to_start_timeout=activity_calls.MIN_CALL_TIMEOUT,
        start_to_close_timeout=activity_calls.MIN_CALL_TIMEOUT,
        summary=summary[:200],
    )
