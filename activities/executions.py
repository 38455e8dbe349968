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
        if misses_workflow(error):
            return None
        raise


def misses_workflow(error: RPCError) -> bool:
    """Return whether a call failed because there is no such workflow.

    A server may also miss the whole namespace, an overloaded one now and then: that says nothing of the workflow.
    """
    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    namespace_failure = NamespaceNotFoundFailure.DESCRIPTOR
    return not any(detail.Is(namespace_failure) for detail in error.grpc_status.details)
