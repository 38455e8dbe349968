"""What Temporal says of a workflow execution."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
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
    try:
        handle = client.get_workflow_handle(id_, run_id=run_id)
        description = await handle.describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return description.status is WorkflowExecutionStatus.RUNNING
