"""Short workflows for questions that only a worker near the fabric can answer.

The command line has no credentials of fabrics and may not reach them; a worker on the fabric's queue has
them and does. So the command line starts one of these and waits; it fails if no worker takes the work.
"""

from typing import Self

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.checks import Check
    from activities.inventory.update import InventoryActivities
    from activities.observe import (
        ComparisonRequest,
        FabricActivities,
        LiveManifests,
        ObserveRequest,
    )
    from fabrics.drift.diff_report import DiffReport
    from fabrics.inventory.report.preview import InventoryPreview
    from fabrics.inventory.report.report import InventoryReport
    from fabrics.inventory.report.request import InventoryRequest
    from fabrics.loop.inventory_pass import inventory_workflow_id
    from fabrics.record.config import FabricConfig
    from fabrics.record.sync_status import ConnectionStatus, LastKnownState
    from fabrics.record.task_queues import inventory_queue, observe_queue
    from fabrics.texts import cut_summary
    from workflows import activity_calls
    from workflows.activity_errors import build_retry_policy
    from workflows.workflow_ids import check_workflow_id


class ProbeRequest(BaseModel, frozen=True):
    """A fabric, and what its last sync found.

    Unless it `answered` then, it is read on the queue for unresponsive fabrics alone, so that people who ask take no
    slot from syncs that are on time. `previous_counts` are its objects by kind.
    """

    config: FabricConfig
    answered: bool
    previous_counts: dict[str, int]

    @classmethod
    def build(cls, config: FabricConfig, last_known: LastKnownState) -> Self:
        """Return the request for a fabric whose record says this."""
        return cls(
            config=config,
            answered=last_known.connection_status is not ConnectionStatus.ERROR,
            previous_counts=last_known.counts,
        )


@workflow.defn
class Probe:
    """Compare a fabric's Git directory with its live state, in every field."""

    @workflow.run
    async def run(self, request: ProbeRequest) -> DiffReport:
        """Compare on the fabric's queue."""
        config = request.config
        options = _interactive_options(f"compare Git and Kubernetes of {config.name}")
        queue = _get_responsive_queue(request)
        return await activity_calls.call_fabric(
            FabricActivities.diff, config, config, options, responsive_queue=queue
        )


@workflow.defn
class Comparison:
    """Compare a commit or files, instead of a fabric's branch, with its live state."""

    @workflow.run
    async def run(self, request: ComparisonRequest) -> DiffReport:
        """Compare on the fabric's queue."""
        config = request.config
        options = _interactive_options(f"compare with Kubernetes of {config.name}")
        queue = _get_responsive_queue(request)
        return await activity_calls.call_fabric(
            FabricActivities.compare, request, config, options, responsive_queue=queue
        )


@workflow.defn
class Export:
    """Return what a fabric's API holds, as manifests."""

    @workflow.run
    async def run(self, request: ProbeRequest) -> LiveManifests:
        """Read on the fabric's queue."""
        config = request.config
        options = _interactive_options(f"export the live state of {config.name}")
        queue = _get_responsive_queue(request)
        return await activity_calls.call_fabric(
            FabricActivities.export, config, config, options, responsive_queue=queue
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
    async def run(self, request: ProbeRequest) -> InventoryPreview:
        """Read and compare on the fabric's queues."""
        config = request.config
        observation = await activity_calls.observe(
            ObserveRequest(config=config, previous_counts=request.previous_counts),
            answered_before=request.answered,
            is_catching_up=False,
        )
        if observation.kubernetes_error:
            raise ApplicationError(observation.kubernetes_error)
        inventory_request = InventoryRequest(
            config=config,
            live_digest=observation.live_digest,
            expected_counts=observation.counts,
            sync_number=0,
        )
        options = _interactive_options(f"compare the inventory of {config.name}")
        options["task_queue"] = activity_calls.get_preview_queue(config)
        options["retry_policy"] = build_retry_policy(retry=False)
        return await workflow.execute_activity_method(
            InventoryActivities.preview_inventory, inventory_request, **options
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
            summary=cut_summary(f"delete the inventory of {config.name}"),
        )


def _get_responsive_queue(request: ProbeRequest | ComparisonRequest) -> str:
    """Return the fabric's queue; it is empty if its last sync got no answer."""
    return activity_calls.get_observe_queue(request.config) if request.answered else ""


def _interactive_options(summary: str) -> workflow.ActivityConfig:
    """Return options for a call that people wait for: busy workers make it fail soon."""
    return workflow.ActivityConfig(
        heartbeat_timeout=activity_calls.HEARTBEAT_TIMEOUT,
        schedule_to_start_timeout=activity_calls.MIN_CALL_TIMEOUT,
        start_to_close_timeout=activity_calls.MIN_CALL_TIMEOUT,
        summary=cut_summary(summary),
    )
