"""How long somebody who waits for a sync has to wait for an answer."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import cast

import pytest
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from fabrics.loop.loop import FabricLoop
from fabrics.loop.report import SyncReport
from workflows.fabric_sync_handlers import UPDATE_TIMEOUT, FabricMessageHandlers


async def test_update_ends_with_a_sentence_while_its_sync_still_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[timedelta] = []

    async def wait_in_vain(is_done: Callable[[], bool], **limit: timedelta) -> None:
        assert not is_done()
        waited.append(limit["timeout"])
        raise TimeoutError

    monkeypatch.setattr(workflow, "wait_condition", wait_in_vain)
    handlers = FabricMessageHandlers(FabricLoop(fabric_id="oslo"))
    with pytest.raises(ApplicationError, match="The sync is still running"):
        await cast(Awaitable[SyncReport], FabricMessageHandlers.sync_now(handlers))
    assert waited == [UPDATE_TIMEOUT]
    assert handlers._waiting_updates == 0, "others may wait in its place"
