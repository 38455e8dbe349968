"""What Temporal says of a workflow execution."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHistory,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.errors import MissingKey, TransientError
from activities.search_attributes import PROBLEMS_ATTRIBUTE

RPC_TIMEOUT: Final = timedelta(seconds=10)

STUCK_AFTER_ATTEMPTS: Final = 2
"""Attempts that one workflow task may need: a worker that is killed or overloaded costs one."""


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


async def check_key(client: Client, id_: str) -> None:
    """Decrypt the input of a workflow, if it runs.

    Raises `MissingKey` and `TransientError`.
    """
    try:
        if not await execution_is_running(client, id_):
            return
        events = client.get_workflow_handle(id_).fetch_history_events(
            page_size=1, rpc_timeout=RPC_TIMEOUT
        )
        started = await anext(events)
    except RPCError as error:
        raise TransientError(f"Temporal does not show {id_} ({error.message}).") from None
    await _decode_input(client, started)


async def find_missing_key(client: Client, history: WorkflowHistory) -> str:
    """Return why a run's task fails, if a worker lacks a key.

    This process may have a key that the worker lacks, or the other way round.
    """
    failures = [
        event.workflow_task_failed_event_attributes.failure
        for event in history.events
        if event.HasField("workflow_task_failed_event_attributes")
    ]
    if failures and failures[-1].application_failure_info.type == MissingKey.__name__:
        return "A worker lacks a key: give all of them the same FABRIC_SYNC_ENCRYPTION_KEYS_FILE."
    try:
        await _decode_input(client, history.events[0])
    except MissingKey as error:
        return str(error)
    return ""


async def _decode_input(client: Client, started: HistoryEvent) -> None:
    codec = client.data_converter.payload_codec
    if codec is not None:
        await codec.decode(started.workflow_execution_started_event_attributes.input.payloads)


def misses_workflow(error: RPCError) -> bool:
    """Return whether a call failed because there is no such workflow.

    A server may also miss the whole namespace, an overloaded one now and then: that says nothing of the workflow.
    """
    if error.status is not RPCStatusCode.NOT_FOUND:
        return False
    namespace_failure = NamespaceNotFoundFailure.DESCRIPTOR
    return not any(detail.Is(namespace_failure) for detail in error.grpc_status.details)


def query_running(workflow_type: str, id_prefix: str) -> str:
    """Return the query for running workflows of a type whose ids begin with a prefix.

    It does not find copies under ids of no fabric: those end at once, but not where no worker takes their tasks.
    """
    return (
        f"WorkflowType = '{workflow_type}' AND WorkflowId STARTS_WITH '{id_prefix}'"
        " AND ExecutionStatus = 'Running'"
    )


async def list_running(client: Client, query: str) -> tuple[WorkflowExecution, ...]:
    """List the workflows that this query finds running. Raises `TransientError`."""
    try:
        return tuple([run async for run in client.list_workflows(query, page_size=1000)])
    except RPCError as error:
        raise TransientError(
            f"Temporal does not list the running workflows ({error.message})."
        ) from None


async def is_stuck(client: Client, id_: str) -> bool:
    """Return whether the workflow's task fails repeatedly. Raises `RPCError`."""
    return count_task_attempts(await find_execution(client, id_)) > STUCK_AFTER_ATTEMPTS


def count_task_attempts(execution: WorkflowExecutionDescription | None) -> int:
    """Return the attempts of the pending workflow task, or 0."""
    return execution.raw_description.pending_workflow_task.attempt if execution else 0


def is_at_work(execution: WorkflowExecutionDescription | None) -> bool:
    """True if an activity of the workflow runs, or waits for its turn."""
    return execution is not None and bool(execution.raw_description.pending_activities)


def is_failing(execution: WorkflowExecution) -> bool:
    """True if Temporal reports that a listed workflow's task fails again and again."""
    return bool(execution.typed_search_attributes.get(PROBLEMS_ATTRIBUTE))


def describe_problem(execution: WorkflowExecution) -> str:
    """Say that the workflow's task fails, and why if Temporal reports that."""
    reported = execution.typed_search_attributes.get(PROBLEMS_ATTRIBUTE) or ()
    causes = [
        problem.removeprefix("cause=") for problem in reported if problem.startswith("cause=")
    ]
    why = f" ({', '.join(causes)})" if causes else ""
    return f"The workflow {execution.id} fails at its task again and again{why}"
