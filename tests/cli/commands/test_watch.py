"""`watch` shows the fabrics until it is interrupted."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.cli.command_line import CommandLine
from tests.support.paths import PROJECT
from tests.support.system.installation import SERVERS, Installation, in_yaml


@asynccontextmanager
async def watching(installation: Installation, fabric: str) -> AsyncIterator[subprocess.Popen[str]]:
    """Run `watch` for one fabric, and interrupt it after the block as with Ctrl-C."""
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "starter.py", "watch", fabric, "--every", "0.5", "--json"],
        cwd=PROJECT,
        env=installation.variables,
        stdout=subprocess.PIPE,
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


async def test_watch_prints_one_line_per_update_until_interrupted(
    installation: Installation, starter: CommandLine
) -> None:
    fabric = await installation.fabric(
        {"fabric.yaml": in_yaml(SERVERS)}, SERVERS, hh_sync_enabled=False
    )
    async with watching(installation, fabric.fabric_id) as process:
        assert process.stdout is not None
        first = json.loads(await asyncio.to_thread(process.stdout.readline))
        assert first["fabrics"][0]["sync_status"] == "disabled"
        async with installation.worker():
            assert (await starter("enable", fabric.fabric_id)).code == 0
            status = "disabled"
            while status != "in_sync":
                line = await asyncio.to_thread(process.stdout.readline)
                status = json.loads(line)["fabrics"][0]["sync_status"]
    assert process.returncode == 0
