"""`serve-codec`: it serves until it is interrupted, or says why it cannot."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
import requests

from cli.commands.serve_codec import _get_origin
from tests.support.cli.command_line import OFFLINE, CommandLine
from tests.support.paths import PROJECT
from tests.support.secrets.encryption_keys import write_keys

SETTING: Final = "FABRIC_SYNC_ENCRYPTION_KEYS_FILE"


@pytest.fixture
def starter(tmp_path: Path) -> CommandLine:
    """A command line with a key."""
    return OFFLINE.with_(**{SETTING: str(write_keys(tmp_path / "keys", "a"))})


@asynccontextmanager
async def serving(keys_file: Path) -> AsyncIterator[subprocess.Popen[str]]:
    """Run `serve-codec`, and interrupt it after the block as with Ctrl-C."""
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "starter.py", "serve-codec", "--port", "0"],
        cwd=PROJECT,
        env={SETTING: str(keys_file)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            await asyncio.to_thread(process.communicate, timeout=30)
        finally:
            process.kill()


async def test_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    async with serving(write_keys(tmp_path / "keys", "a")) as process:
        assert process.stderr is not None
        line = await asyncio.to_thread(process.stderr.readline)
        [url] = re.findall(r"Decrypting at (http://127\.0\.0\.1:\d+) for pages of http://", line)
        answer = await asyncio.to_thread(requests.post, f"{url}/decode", b"{}", timeout=60)
        assert answer.json() == {}
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://localhost:8233/namespaces/default", "http://localhost:8233"),
        ("https://Temporal.example.com:443/", "https://temporal.example.com"),
        ("http://user:x@[::1]:80", "http://[::1]"),
    ],
)
def test_origin_is_that_of_browsers(url: str, origin: str) -> None:
    assert _get_origin(url) == origin


async def test_nothing_is_served_without_keys() -> None:
    assert (await OFFLINE("serve-codec")).is_refused("Nothing is encrypted: FABRIC_SYNC_ENCRYPTION")


@pytest.mark.parametrize(
    "url", ["localhost:8233", "ftp://localhost", "http://", "http://[", "http://x:y"]
)
async def test_web_ui_must_be_a_url(starter: CommandLine, url: str) -> None:
    assert (await starter("serve-codec", "--web-ui", url)).is_refused(
        f"{url} is no URL of a Web UI"
    )


async def test_port_that_is_in_use_is_named(starter: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = await starter("serve-codec", "--port", port)
    assert refused.is_refused(
        f"Nothing can listen on 127.0.0.1 port {port} (Address already in use)"
    )


async def test_host_that_has_no_address_is_named(starter: CommandLine) -> None:
    refused = await starter("serve-codec", "--host", "fabric.invalid")
    assert refused.is_refused("Nothing can listen on fabric.invalid port 8081 (")
    assert "Unknown error" not in refused.err
    assert "while attempting" not in refused.err
