"""Requests for a sync that wait together."""

import pytest

from fabrics.loop.active_sync import SyncRequest


@pytest.mark.parametrize("wish", SyncRequest.model_fields)
def test_joined_requests_keep_what_either_asks_for(wish: str) -> None:
    asking, plain = SyncRequest.model_validate({wish: True}), SyncRequest()
    for joined in (asking | plain, plain | asking, asking | None):
        assert joined == asking
