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
        handle = self.client.get_workflow_handle(workflow_id, run_id=run_id or None)
        try:
            description = await handle.describe(rpc_timeout=RPC_TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise TransientError(f"Temporal does not describe {workflow_id}.") from error
        return description.status is WorkflowExecutionStatus.RUNNING
