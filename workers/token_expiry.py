"""When NetBox's token expires, as a metric."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from activities.errors import PermanentError, TransientError
from activities.netbox.client import NetBox
from activities.secrets.sources import netbox_token
from activities.setup.access import find_token
from settings import Settings
from telemetry.metrics import NETBOX_TOKEN_EXPIRY

CHECK_SECONDS: Final = 600.0
"""Also before the first check: a worker that starts has more urgent questions to NetBox."""

log = logging.getLogger("fabric_sync.worker")


@asynccontextmanager
async def watching_token_expiry(netbox: NetBox, settings: Settings) -> AsyncIterator[None]:
    """Ask NetBox now and then until the block ends."""
    task = asyncio.create_task(_watch(netbox, settings), name="watch token")
    try:
        yield
    finally:
        task.cancel()


async def _watch(netbox: NetBox, settings: Settings) -> None:
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        try:
            await asyncio.to_thread(note_token_expiry, netbox, settings)
        except Exception:
            log.exception("When NetBox's token expires could not be found out. It is tried again.")


def note_token_expiry(netbox: NetBox, settings: Settings) -> None:
    """Ask NetBox once.

    What it said before holds if it does not answer or refuses the token.
    """
    source = netbox_token(settings.netbox_token, settings.netbox_token_file)
    try:
        row = find_token(netbox, source.read_token())
    except (PermanentError, TransientError):
        return  # syncs say what is wrong
    if row is None:
        return  # an expired token must not look like one that never expires
    if row["expires"]:
        expires = datetime.fromisoformat(row["expires"])
        NETBOX_TOKEN_EXPIRY.labels(netbox.url).set(expires.timestamp())
    else:
        NETBOX_TOKEN_EXPIRY.clear()
