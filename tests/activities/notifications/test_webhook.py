"""Webhooks reach a real receiver, which can verify them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from activities.errors import PermanentError, TransientError
from activities.notifications.targets import Target
from activities.notifications.webhook import post
from fabrics.fleet.notifications import FabricNews, Notification
from tests.support.notifications.receiver import SECRET, Receiver, receiver

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MESSAGE = Notification(
    id="msg_1",
    state="error",
    made=NOW,
    fabrics=(FabricNews(fabric_id="dc1", before="", since=NOW, reason="Git is gone: Zürich."),),
)
OTHER_SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


@pytest.fixture
def hooks() -> Iterator[Receiver]:
    """A receiver that takes everything."""
    with receiver() as running:
        yield running


def target(folder: Path, url: str, *secrets: str) -> Target:
    """Return a target with these secrets."""
    file = folder / "secret"
    file.write_text("\n".join(secrets or [SECRET]))
    return Target(url=url, secret_file=file)


def test_receiver_can_verify_the_message_and_tell_repetitions(
    hooks: Receiver, tmp_path: Path
) -> None:
    for _ in range(2):
        post("ops", target(tmp_path, hooks.url), MESSAGE, connect_timeout=20)
    first, second = hooks.received
    event = Webhook(SECRET).verify(first.body, first.headers)
    assert event == json.loads(json.dumps(MESSAGE.to_event()))
    assert event["data"]["fabrics"][0]["fabric_id"] == "dc1"
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == MESSAGE.id
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(first.body.replace(b"dc1", b"dc2"), first.headers)


def test_while_secrets_change_each_receiver_can_verify(hooks: Receiver, tmp_path: Path) -> None:
    post("ops", target(tmp_path, hooks.url, OTHER_SECRET, SECRET), MESSAGE, connect_timeout=20)
    [got] = hooks.received
    for secret in (SECRET, OTHER_SECRET):
        assert Webhook(secret).verify(got.body, got.headers)


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (503, TransientError, "not available at the moment"),
        (429, TransientError, "limits the rate"),
        (404, PermanentError, "has no such object"),
        (401, PermanentError, "refused the credentials"),
        (302, PermanentError, "HTTP 302"),
    ],
)
def test_refusal_names_the_target_and_neither_url_nor_secret(
    hooks: Receiver, tmp_path: Path, status: int, error: type[Exception], words: str
) -> None:
    hooks.status = status
    hooks.answer_headers = {"Location": hooks.url}
    with pytest.raises(error, match=words) as caught:
        post("ops", target(tmp_path, hooks.url), MESSAGE, connect_timeout=20)
    assert 'target "ops"' in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert SECRET not in str(caught.value)
    assert len(hooks.received) == 1, "no redirect is followed"


def test_receiver_that_is_down_is_a_transient_error_without_its_url(tmp_path: Path) -> None:
    with receiver() as gone:
        url = gone.url
    with pytest.raises(TransientError, match="nothing listens there") as caught:
        post("ops", target(tmp_path, url), MESSAGE, connect_timeout=20)
    assert "s3cret" not in str(caught.value)


def test_unusable_secret_is_named_by_its_file_and_not_quoted(
    hooks: Receiver, tmp_path: Path
) -> None:
    for secret in ("short", "whsec_ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ"):
        with pytest.raises(
            PermanentError, match=r"The file .*/secret must have a secret"
        ) as caught:
            post("ops", target(tmp_path, hooks.url, secret), MESSAGE, connect_timeout=20)
        assert secret not in str(caught.value)
    assert not hooks.received
