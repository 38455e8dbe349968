"""Refusal of queries that come before a worker has handled what happened.

A query that waits while no worker runs is answered after a replay of the history, which also applies the timers,
results and signals that no workflow task has handled yet. Temporal then tells the workflow the time of the last task,
and the worker keeps that state: the workflow would decide with an old clock, and no later replay would decide the same.
So such a query is refused, which drops that state. The task that is waiting then replays the history with the right
clock, and the query can be asked again. Measured with temporalio 1.35: a sync was late by as long as no worker had run.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import Info

EARLY_QUERY_TEXT: Final = (
    "This worker has not handled yet what happened in the workflow: ask again."
)

type CommandInfo = Any
"""A command of a workflow; temporalio does not publish the type."""

EVENTLESS_JOBS: Final = frozenset({"query_workflow", "remove_from_cache"})
"""Jobs of an activation that change nothing in the workflow."""


@dataclass(frozen=True)
class EarlyQueryRefusingRunner(SandboxedWorkflowRunner):
    """The sandbox, with instances that refuse to be moved on with an old clock."""

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """Return an instance for one run."""
        return _Instance(super().create_instance(det))


class _Position(NamedTuple):
    """How far a run has come.

    That is the start of its last workflow task, each of which has another time and another size of the history in
    bytes, and the number of its events.
    """

    nanoseconds: int = 0
    size: int = 0
    events: int = 0

    def is_without_task(self, last: "_Position") -> bool:
        """Return whether events follow `last`, but no start of a task.

        A server that does not tell sizes cannot be judged.
        """
        return self.events != last.events and self[:2] == last[:2] and self.size > 0


START: Final = _Position()


@dataclass
class _Instance(WorkflowInstance):
    """A run that refuses events without a workflow task."""

    _instance: WorkflowInstance
    _last: _Position = START

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Move the run on, or answer a query."""
        if {job.WhichOneof("variant") for job in act.jobs} <= EVENTLESS_JOBS:
            return self._instance.activate(act)
        position = _Position(
            act.timestamp.ToNanoseconds(), act.history_size_bytes, act.history_length
        )
        if position.is_without_task(self._last):
            refusal = WorkflowActivationCompletion()
            refusal.failed.failure.message = EARLY_QUERY_TEXT
            return refusal
        self._last = position
        return self._instance.activate(act)

    def get_serialization_context(self, command_info: CommandInfo) -> SerializationContext | None:
        """Return the context of a command."""
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: CommandInfo) -> StorageDriverStoreContext:
        """Return the context of a command."""
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """Return what is known of the run."""
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        """Return the thread that executes the run."""
        return self._instance.get_thread_id()
