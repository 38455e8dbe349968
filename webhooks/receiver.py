"""What takes webhooks: `POST /netbox` and `POST /git`, and nothing else.

It speaks plain HTTP and listens on the loopback interface unless told otherwise: a proxy in front of
it brings TLS, without which GitLab's plain token could be read on the way.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.client import Client

from activities.netbox.client import NetBox
from settings import Settings
from webhooks.payloads import NotJson, Push, read_push, read_record_event
from webhooks.relay import Relay
from webhooks.server import serving
from webhooks.signatures import Headers, is_from_git_host, is_from_netbox
from webhooks.throttle import Bursts

MAX_BODY: Final = 5 * 1024 * 1024
"""Bytes. GitHub stops at 25 MB, which only pushes of thousands of commits come near to."""

BODY_SECONDS: Final = 10.0
"""What a body may take to arrive: those who send slowly hold places that others need."""

FLEET_PAUSE: Final = 1.0
PUSH_PAUSE: Final = 3.0
"""Seconds. A push costs a reading of all records, and people push several branches at once."""

log = logging.getLogger("fabric_sync.webhooks")


@asynccontextmanager
async def running_receiver(
    client: Client, netbox: NetBox, settings: Settings
) -> AsyncIterator[str]:
    """The receiver, listening until the block ends; its URL. Raises `CannotListen`."""
    async with AsyncExitStack() as stack:
        relay = Relay(client, netbox)
        records = Bursts(relay.tell_fleet, FLEET_PAUSE)
        pushes = Bursts(relay.sync_followers, PUSH_PAUSE)
        for bursts in (records, pushes):
            await stack.enter_async_context(_in_background(bursts.run()))
        app = receiver(settings.webhook_secret.get_secret_value(), records.add, pushes.add)
        url = await stack.enter_async_context(
            serving(app, settings.webhook_host, settings.webhook_port)
        )
        log.info("Taking webhooks of NetBox at %s/netbox, of Git hosts at %s/git.", url, url)
        yield url


def receiver(
    secret: str, on_record: Callable[[int], None], on_push: Callable[[Push], None]
) -> Starlette:
    """The application. What those who know `secret` tell goes to `on_record`, by its id, or `on_push`."""

    def take_event(body: bytes) -> bool:
        event = read_record_event(body)
        if event:
            on_record(event.data.id)
        return event is not None

    def take_push(body: bytes) -> bool:
        push = read_push(body)
        if push:
            on_push(push)
        return push is not None

    routes = [
        _route("/netbox", secret, is_from_netbox, take_event),
        _route("/git", secret, is_from_git_host, take_push),
    ]
    app = Starlette(routes=routes, max_body_size=MAX_BODY)
    app.router.redirect_slashes = False
    return app


def _route(
    path: str,
    secret: str,
    is_authentic: Callable[[Headers, bytes, str], bool],
    take: Callable[[bytes], bool],
) -> Route:
    async def answer(request: Request) -> Response:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await request.body()
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("The body did not arrive.", 408)
        if not is_authentic(request.headers, body, secret):
            log.warning("Refused a request to %s: its signature is missing or wrong.", path)
            return PlainTextResponse("The signature is missing or wrong.", 401)
        try:
            is_for_us = take(body)
        except NotJson:
            return PlainTextResponse("The body has to be JSON: choose application/json.", 400)
        return PlainTextResponse("Accepted.", 202) if is_for_us else PlainTextResponse("Ignored.")

    return Route(path, answer, methods=["POST"])


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
