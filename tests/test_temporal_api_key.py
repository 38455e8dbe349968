"""The API key for Temporal: it may change, and its file is never quoted."""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import pytest
from temporalio.client import Client

import temporal
from tests.support.system.installation import wait_until

OLD, NEW = "old-s3cret", "new-s3cret"


def write_profile(file: Path, api_key: str) -> dict[str, str]:
    """Write a configuration with this key; the variables that lead to it."""
    file.write_text(f'[profile.default]\naddress = "127.0.0.1:1"\napi_key = {api_key}\n')
    return {"TEMPORAL_CONFIG_FILE": str(file)}


async def test_new_api_key_is_used_without_a_new_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "temporal.toml"
    variables = write_profile(file, f'"{OLD}"')
    client = await Client.connect("127.0.0.1:1", api_key=OLD, tls=False, lazy=True)

    async def get_key() -> str | None:
        return client.api_key

    async def get_log() -> str:
        return caplog.text

    task = asyncio.create_task(temporal.keep_api_key_current(client, variables, 0.01))
    write_profile(file, f'"{NEW}')  # an editor is at work
    await wait_until(get_log, lambda text: "stays as it is" in text)
    assert client.api_key == OLD
    caplog.clear()
    file.unlink()
    await wait_until(get_log, lambda text: "its configuration has none" in text)
    assert client.api_key == OLD
    write_profile(file, f'"{NEW}"')
    await wait_until(get_key, lambda key: key == NEW)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert "Using a new API key" in caplog.text
    assert OLD not in caplog.text
    assert NEW not in caplog.text


async def test_configuration_that_cannot_be_read_is_not_quoted(tmp_path: Path) -> None:
    variables = write_profile(tmp_path / "temporal.toml", f'"{NEW}')
    with pytest.raises(temporal.TemporalUnreachable, match=r"cannot be used .*line 3") as caught:
        await temporal.connect(variables)
    assert NEW not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
