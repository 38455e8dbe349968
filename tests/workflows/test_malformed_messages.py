"""What is shown of a signal that nobody can handle."""

import asyncio
import logging
from types import SimpleNamespace
from typing import cast

import pytest
from temporalio import workflow
from temporalio.worker import (
    HandleSignalInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from workflows.malformed_messages import (
    MAX_TEXT_CHARS,
    MalformedMessageInterceptor,
    SignalledWorkflow,
)


class Target(SignalledWorkflow):
    """A workflow that keeps what it should show."""

    shown = ""

    def note_ignored(self, text: str) -> None:
        self.shown = text


class Refusing(WorkflowInboundInterceptor):
    """Refuses each signal with as many words as its sender likes."""

    def __init__(self) -> None:
        """Refuse everything."""

    async def handle_signal(self, input: HandleSignalInput) -> None:
        raise ValueError(f"this is not known:\n\x1b[31m{input.args[0]}")


async def test_text_of_a_malformed_signal_is_one_short_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    target = Target()
    monkeypatch.setattr(workflow, "instance", lambda: target)
    monkeypatch.setattr(workflow, "get_signal_handler", lambda _name: None)
    monkeypatch.setattr(workflow, "logger", logging.getLogger("workflow"))
    interceptor = MalformedMessageInterceptor().workflow_interceptor_class(
        cast(WorkflowInterceptorClassInput, SimpleNamespace())
    )
    signal = HandleSignalInput(signal="pause", args=["x" * 100_000], headers={})
    await interceptor(Refusing()).handle_signal(signal)
    await asyncio.sleep(0)  # it is shown after all signals that have arrived with it
    assert target.shown.startswith("pause: this is not known: ")
    assert target.shown.isprintable()
    assert len(target.shown) == MAX_TEXT_CHARS
    assert caplog.messages == [f"Ignored signals: 1, the last one: {target.shown}"]
