"""`serve-codec`: it serves until it is interrupted, or says why it cannot."""

import asyncio
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.support.cli.command_line import OFFLINE, CommandLine
from tests.support.paths import PROJECT
from tests.support.secrets.encryption_keys import write_keys


@pytest.fixture
def starter(tmp_path: Path) -> CommandLine:
    """A command line with a key."""
    return OFFLINE.with_(FABRIC_SYNC_ENCRYPTION_KEYS_FILE=str(write_keys(tmp_path / "keys", "a")))


async def test_it_serves_until_it_is_interrupted(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "starter.py", "serve-codec", "--port", "0"),
        cwd=PROJECT,
        env={"FABRIC_SYNC_ENCRYPTION_KEYS_FILE": str(write_keys(tmp_path / "keys", "a"))},
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    line = (await asyncio.wait_for(process.stderr.readline(), 60)).decode()
    [url] = re.findall(
        r"Decrypting at (http://127\.0\.0\.1:\d+) for pages of http://localhost:8233", line
    )
    answer = await asyncio.to_thread(requests.post, f"{url}/decode", b"{}", timeout=60)
    assert answer.json() == {}
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 60) == 0


async def test_nothing_is_served_without_keys() -> None:
    assert (await OFFLINE("serve-codec")).is_refused("Nothing is encrypted: FABRIC_SYNC_ENCRYPTION")


@pytest.mark.parametrize("url", ["localhost:8233", "ftp://localhost", "http://"])
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
