"""Updates of a loop: sent, awaited, and sent again while the loop is busy."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final

from temporalio.client import (
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random

from cli.errors import CommandError, to_sentence
from cli.temporal.pending_work import RPC_TIMEOUT
from workflows.fabric_sync_handlers import LOOP_BUSY, UPDATE_TIMEOUT

BUSY_WAIT_SECONDS: Final = (0.5, 1.5)
"""The shortest and the longest pause before an update is sent again: not all who wait come back together."""


class LoopBusy(CommandError):
    """The loop takes no such update for a moment; the text is for the operator."""


async def start_update[T](
    loop: WorkflowHandle[Any, Any], name: str, arguments: Sequence[object], result_type: type[T]
) -> WorkflowUpdateHandle[T]:
    """Send an update, and return once a worker has accepted or refused it.

    Raises `TimeoutError` if none does so in time, `LoopBusy`, and `RPCError`.
    """
    try:
        update: WorkflowUpdateHandle[T] = await loop.start_update(
            name,
            args=arguments,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            result_type=result_type,
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise TimeoutError from None
    except RPCError as error:
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            raise LoopBusy(f"Temporal takes no more updates of {loop.id} at once.") from None
        raise
    return update


async def wait_for_update[T](update: WorkflowUpdateHandle[T], limit: timedelta) -> T:
    """Return an update's result. Raises `TimeoutError` and `LoopBusy`."""
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await update.result()
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise TimeoutError from None
    except WorkflowUpdateFailedError as error:
        if isinstance(error.cause, ApplicationError) and error.cause.type == LOOP_BUSY:
            raise LoopBusy(to_sentence(error.cause.message)) from None
        raise


async def repeat_while_busy[T](send: Callable[[], Awaitable[T]]) -> T:
    """Call `send` until the loop takes the update. Raises `LoopBusy` in the end."""
    retrying = AsyncRetrying(
        wait=wait_random(*BUSY_WAIT_SECONDS),
        stop=stop_after_delay(UPDATE_TIMEOUT.total_seconds()),
        retry=retry_if_exception_type(LoopBusy),
        reraise=True,
    )

    async def send_once() -> T:
        return await send()

    return await retrying(send_once)
