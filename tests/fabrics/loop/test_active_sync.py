"""Requests for a sync that wait together, and which syncs catch up."""

from datetime import UTC, datetime, timedelta

import pytest

from fabrics.loop.active_sync import ActiveSync, SyncRequest, Trigger

SLOT = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize("wish", SyncRequest.model_fields)
def test_joined_requests_keep_what_either_asks_for(wish: str) -> None:
    asking, plain = SyncRequest.model_validate({wish: True}), SyncRequest()
    for joined in (asking | plain, plain | asking, asking | None):
        assert joined == asking


@pytest.mark.parametrize(
    ("trigger", "late_seconds", "is_catching_up"),
    [
        (Trigger.SCHEDULE, 0.2, False),
        (Trigger.SCHEDULE, 5, False),
        (Trigger.SCHEDULE, 5.1, True),
        (Trigger.SCHEDULE, 3600, True),
        (Trigger.INITIAL, None, True),
        (Trigger.MANUAL, None, False),
    ],
)
def test_late_and_initial_syncs_catch_up(
    trigger: Trigger, late_seconds: float | None, is_catching_up: bool
) -> None:
    sync = ActiveSync(
        number=1,
        trigger=trigger,
        slot=None if late_seconds is None else SLOT,
        started=SLOT + timedelta(seconds=late_seconds or 0),
        missed=0,
        request=SyncRequest(),
        is_shown_in_record=False,
    )
    assert sync.is_catching_up is is_catching_up
