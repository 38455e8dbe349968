"""Ignore malformed messages: note a signal, refuse an update.

Anyone may send one from the Web UI or the Temporal command line, with any arguments. An exception in a
handler fails the workflow task, which Temporal then retries forever: one slip would stop the fabric.
So arguments are matched to the handler before it runs, and the ValueErrors of signals are caught.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Final

from temporalio import workflow
from temporalio.worker import (
    HandleSignalInput,
    HandleUpdateInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

with workflow.unsafe.imports_passed_through():
    from activities.errors import one_line

MAX_TEXT_CHARS: Final = 300


class MalformedSignalHandler:
    """A workflow that can show which signal it ignored."""

    def note_ignored(self, text: str) -> None:
        """Show `text` to people."""
        raise NotImplementedError


class MalformedMessageInterceptor(Interceptor):
    """The worker's interceptor against malformed messages."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """Return the class that handles the messages of each workflow."""
        return _InboundInterceptor


class _InboundInterceptor(WorkflowInboundInterceptor):
    async def handle_signal(self, input: HandleSignalInput) -> None:
        try:
            _check_arguments(workflow.get_signal_handler(input.signal), input.args)
            await super().handle_signal(input)
        except ValueError as error:
            text = one_line(f"{input.signal}: {error}", MAX_TEXT_CHARS)
            target = workflow.instance()
            if isinstance(target, MalformedSignalHandler):
                target.note_ignored(text)
            workflow.logger.warning("A signal was ignored: %s", text)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        _check_arguments(workflow.get_update_handler(input.update), input.args)
        super().handle_update_validator(input)


def _check_arguments(handler: Callable[..., object] | None, arguments: Sequence[object]) -> None:
    if handler is None:
        return
    try:
        inspect.signature(handler).bind(*arguments)
    except TypeError as error:
        raise ValueError(f"the message came with {len(arguments)} arguments ({error})") from error
