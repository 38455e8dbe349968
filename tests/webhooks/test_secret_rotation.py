"""The secret of webhooks changes while the receiver runs."""

import logging
from pathlib import Path

import pytest

from activities.secrets.sources import webhook_secret
from settings import Settings
from tests.support.webhooks import senders
from tests.support.webhooks.raw_http import exchange, in_http, read_status
from webhooks.receiver import create_app
from webhooks.server import running_server

OLD, NEW = "the old secret of all", "the new secret of all"


async def test_old_and_new_secret_count_while_a_file_has_both(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "secrets"
    settings = Settings(webhook_port=1, webhook_secret_file=file)
    app = create_app(webhook_secret(settings).read_all, print, print)
    body = senders.push("git.example.com/net/dc1")
    async with running_server(app, "127.0.0.1", 0) as url:

        async def send(secret: str) -> int:
            return read_status(await exchange(url, in_http(senders.github(body, secret))))

        for content, statuses in (
            (OLD, (202, 401)),
            (f"{NEW}\n{OLD}\n", (202, 202)),
            (NEW, (401, 202)),
            ("", (503, 503)),
            (NEW, (401, 202)),
        ):
            file.write_text(content)
            assert (await send(OLD), await send(NEW)) == statuses
    warnings = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert any(f"The file {file} must have a secret" in warning for warning in warnings)
    assert not any(secret in caplog.text for secret in (OLD, NEW))


def test_file_replaces_the_variable(tmp_path: Path) -> None:
    assert not Settings(webhook_port=1, webhook_secret_file=tmp_path / "secrets").webhook_secret
