"""What Temporal says of a workflow execution."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import TransientError

RPC_TIMEOUT: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class ExecutionActivities:
    """Activities on workflow executions."""

    client: Client

    @activity.defn
    async def is_running(self, workflow_id: str, run_id: str) -> bool:
        """Return whether this run of the workflow is open. Raises `TransientError`."""
        try:
            return await execution_is_running(self.client, workflow_id, run_id or None)
        except RPCError as error:
            raise TransientError(f"Temporal does not describe {workflow_id}.") from error


async def execution_is_running(client: Client, id_: str, run_id: str | None = None) -> bool:
    """Return whether the workflow, or this run of it, is open. Raises `RPCError`."""
    description = await find_execution(client, id_, run_id)
    return description is not None and description.status is WorkflowExecutionStatus.RUNNING


async def find_execution(
    client: Client, id_: str, run_id: str | None = None
) -> WorkflowExecutionDescription | None:
    """Describe the latest run of a workflow, or this one. Raises `RPCError`."""
    try:
        return await client.get_workflow_handle(id_, run_id=run_id).describe(
            rpc_timeout=RPC_TIMEOUT
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND and not _misses_namespace(error):
            return None
        raise


def _misses_namespace(error: RPCError) -> bool:
    """Return whether it was the namespace that was not found.

    An overloaded server says so now and then; it says nothing of the workflow.
    """
    kind = NamespaceNotFoundFailure.DESCRIPTOR
    return any(detail.Is(kind) for detail in error.grpc_status.details)
