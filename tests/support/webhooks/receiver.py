"""A webhook receiver with real Temporal and NetBox, and signal recorders."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

import requests
from pydantic import SecretStr
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

from activities.netbox.client import NetBox
from settings import Settings
from tests.support.system.installation import Installation, wait_until
from tests.support.webhooks.senders import SECRET, Request
from webhooks.receiver import running_receiver


@dataclass(frozen=True)
class Signal:
    """A signal that reached a workflow, when, and with how many arguments."""

    name: str
    time: datetime
    arguments: int

    @classmethod
    def from_event(cls, event: HistoryEvent) -> Self:
        """Return the signal in an event of the workflow's history."""
        sent = event.workflow_execution_signaled_event_attributes
        return cls(sent.signal_name, event.event_time.ToDatetime(UTC), len(sent.input.payloads))


@dataclass(frozen=True)
class Recorder:
    """A workflow without a worker, whose history records its signals."""

    handle: WorkflowHandle[object, object]

    async def signals(self) -> list[Signal]:
        history = await self.handle.fetch_history()
        return [
            Signal.from_event(event)
            for event in history.events
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        ]

    async def names(self) -> list[str]:
        return [signal.name for signal in await self.signals()]

    async def wait_for_signals(self, count: int = 1) -> list[Signal]:
        """Wait until there are so many signals, and return them."""
        return await wait_until(self.signals, lambda signals: len(signals) >= count)


type StartRecorder = Callable[[str], Awaitable[Recorder]]


def receiver_settings(installation: Installation, secret: str = SECRET) -> Settings:
    """The settings of a worker with the constrained user's token."""
    return Settings(
        netbox_url=installation.stack.netbox.url,
        netbox_token=SecretStr(installation.token),
        webhook_secret=SecretStr(secret),
    )


@asynccontextmanager
async def listening(installation: Installation, settings: Settings) -> AsyncIterator[str]:
    """Run the receiver of a worker of this installation; its URL."""
    with closing(NetBox.from_settings(settings)) as netbox:
        async with running_receiver(installation.client, netbox, settings) as url:
            yield url


async def post(url: str, request: Request) -> int:
    """Send a request and return the status of the response."""
    headers, body = request
    response = await asyncio.to_thread(requests.post, url, data=body, headers=headers, timeout=60)
    return response.status_code
