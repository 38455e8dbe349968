"""Ignore malformed messages: note a signal, refuse an update.

Anyone may send one from the Web UI or the Temporal command line, with any arguments. An exception in a
handler fails the workflow task, which Temporal then retries forever: one slip would stop the fabric.
So arguments are matched to the handler before it runs, and the ValueErrors of signals are caught.
"""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Final

from temporalio import workflow
from temporalio.common import RawValue
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


class SignalledWorkflow:
    """A workflow that shows which signal it ignored."""

    @workflow.signal(dynamic=True)
    def ignore_unknown(self, name: str, arguments: Sequence[RawValue]) -> None:
        """Refuse a signal of another name, which Temporal would keep and never show."""
        raise ValueError("there is no such signal")

    def on_signal(self) -> None:
        """Take note that a signal has arrived, malformed or not."""

    def on_malformed_signal(self) -> None:
        """Take note at once of a signal that its handler could not take."""

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
    """Messages of one run; of signals that are ignored together, it notes the last."""

    def __init__(self, next: WorkflowInboundInterceptor) -> None:
        super().__init__(next)
        self._ignored = list[str]()
        self._signatures = dict[str, inspect.Signature]()

    async def handle_signal(self, input: HandleSignalInput) -> None:
        target = workflow.instance()
        if isinstance(target, SignalledWorkflow):
            target.on_signal()
        try:
            self._check_signal_arguments(input)
            await super().handle_signal(input)
        except ValueError as error:
            if isinstance(target, SignalledWorkflow) and input.signal in self._signatures:
                target.on_malformed_signal()
            if not self._ignored:
                asyncio.get_running_loop().call_soon(self._note_ignored)
            self._ignored.append(one_line(f"{input.signal}: {error}", MAX_TEXT_CHARS))

    def _check_signal_arguments(self, input: HandleSignalInput) -> None:
        """Look up a handler's signature once, which takes longer than all the rest."""
        if input.signal not in self._signatures:
            handler = workflow.get_signal_handler(input.signal)
            if handler is None:
                return
            self._signatures[input.signal] = inspect.signature(handler)
        _check_arguments(self._signatures[input.signal], input.args)

    def _note_ignored(self) -> None:
        """Show and log once what was ignored, since thousands may arrive together."""
        number, text = len(self._ignored), self._ignored[-1]
        self._ignored.clear()
        target = workflow.instance()
        if isinstance(target, SignalledWorkflow):
            target.note_ignored(text)
        workflow.logger.warning("Ignored signals: %d, the last one: %s", number, text)

    def handle_update_validator(self, input: HandleUpdateInput) -> None:
        if handler := workflow.get_update_handler(input.update):
            _check_arguments(inspect.signature(handler), input.args)
        super().handle_update_validator(input)


def _check_arguments(signature: inspect.Signature, arguments: Sequence[object]) -> None:
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise ValueError(f"the message came with {len(arguments)} arguments ({error})") from error
