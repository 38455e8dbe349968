"""When NetBox's token expires, as a metric."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from pydantic import SecretStr

from activities.netbox.client import NetBox
from activities.setup.access import TOKEN_PREFIX, TOKENS
from settings import Settings
from stack.stack import Stack
from telemetry.metrics import NETBOX_TOKEN_EXPIRY
from tests.support.metrics import read_metric
from workers import token_expiry
from workers.token_expiry import note_token_expiry, watching_token_expiry

EXPIRES = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
METRIC = "fabric_sync_netbox_token_expiry_timestamp_seconds"


@pytest.fixture
def expiring_token(admin: NetBox) -> Iterator[str]:
    """A token of the workers' user that expires soon, deleted after the test."""
    user = next(row for row in admin.list_rows("users/users", username="fabric-sync"))
    values = {"user": user["id"], "version": 2, "description": "expires soon"}
    row = admin.create(TOKENS, values | {"expires": EXPIRES.isoformat()})
    yield f"{TOKEN_PREFIX}{row['key']}.{row['token']}"
    admin.delete(TOKENS, row["id"])


@pytest.fixture
def forget() -> Iterator[None]:
    """Leave no metric behind."""
    yield
    NETBOX_TOKEN_EXPIRY.clear()


def note(url: str, token: str) -> float:
    """Ask NetBox as a worker with this token does; the time that is shown then."""
    settings = Settings(netbox_url=url, netbox_token=SecretStr(token))
    with closing(NetBox.from_settings(settings)) as netbox:
        note_token_expiry(netbox, settings)
    return read_metric(METRIC, netbox=url)


@pytest.mark.usefixtures("forget")
def test_time_at_which_the_token_expires_is_shown_while_it_is_used(
    stack: Stack, expiring_token: str, constrained_token: str
) -> None:
    assert note(stack.netbox.url, expiring_token) == EXPIRES.timestamp()
    assert note(stack.netbox.url, constrained_token) == 0


@pytest.mark.usefixtures("forget")
def test_netbox_that_does_not_answer_changes_nothing() -> None:
    nobody = "http://127.0.0.1:1"
    NETBOX_TOKEN_EXPIRY.labels(nobody).set(7)
    assert note(nobody, "nbt_key.secret") == 7


@pytest.mark.usefixtures("forget")
def test_time_stays_when_netbox_refuses_the_token(stack: Stack) -> None:
    NETBOX_TOKEN_EXPIRY.labels(stack.netbox.url).set(7)
    assert note(stack.netbox.url, f"{TOKEN_PREFIX}abcdefghijkl.{'x' * 40}") == 7


async def test_watch_goes_on_after_an_error_that_nobody_expects(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop, asked_again = asyncio.get_running_loop(), asyncio.Event()
    answers = iter([ValueError("an odd answer")])

    def ask(*_: object) -> None:
        for error in answers:
            raise error
        loop.call_soon_threadsafe(asked_again.set)

    monkeypatch.setattr(token_expiry, "CHECK_SECONDS", 0)
    monkeypatch.setattr(token_expiry, "note_token_expiry", ask)
    async with watching_token_expiry(Mock(spec=NetBox), Settings()):
        await asked_again.wait()
    assert "ValueError: an odd answer" in caplog.text
