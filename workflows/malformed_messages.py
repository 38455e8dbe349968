"""A message that makes no sense is ignored: a signal is noted, an update refused.

Anyone may send one from the Web UI or the Temporal command line, with any arguments. An exception in a
handler fails the workflow task, which Temporal then repeats for ever: one slip would stop the fabric.
So arguments are matched to the handler before it runs, and the ValueErrors of signals are caught.
"""

import inspect
from collections.abc import Callable, Sequence

from temporalio import workflow
from temporalio.worker import (
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)


class MalformedSignalHandler:
    """A workflow that has a place to say what it ignored."""

    def note_ignored(self, text: str) -> None:
        """Show `text` to people."""
        raise NotImplementedError


class MalformedMessageInterceptor(Interceptor):
    """The worker's interceptor; see the module."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """The part that runs inside each workflow."""
        return _InboundInterceptor


class _InboundInterceptor(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        try:
            _check_arguments(workflow.get_signal_handler(input.signal), input.args)
            await super().handle_signal(input)
        except ValueError as error:
            target = workflow.instance()
            if isinstance(target, MalformedSignalHandler):
                target.note_ignored(f"{input.signal}: {error}")
            workflow.logger.warning("Signal %s ignored: %s", input.signal, error)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        _check_arguments(workflow.get_update_handler(input.update), input.args)
        super().handle_update_validator(input)


def _check_arguments(handler: Callable[..., object] | None, arguments: Sequence[object]) -> None:
    if handler is None:
        return
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError as error:
        raise ValueError(f"it came with {len(arguments)} arguments ({error})") from error
