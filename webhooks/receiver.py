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
from webhooks.payloads import InvalidJson, PushEvent, parse_push, parse_record_event
from webhooks.relay import Relay
from webhooks.server import running_server
from webhooks.signatures import Headers, is_from_git_host, is_from_netbox
from webhooks.throttle import Throttle

MAX_BODY_BYTES: Final = 5 * 1024 * 1024
"""Bytes. GitHub stops at 25 MB, which only pushes of thousands of commits come near to."""

BODY_TIMEOUT_SECONDS: Final = 10.0
"""What a body may take to arrive: those who send slowly hold places that others need."""

FLEET_INTERVAL_SECONDS: Final = 1.0
PUSH_INTERVAL_SECONDS: Final = 3.0
"""Seconds. A push costs a reading of all records, and people push several branches at once."""

log = logging.getLogger("fabric_sync.webhooks")


@asynccontextmanager
async def running_receiver(
    client: Client, netbox: NetBox, settings: Settings
) -> AsyncIterator[str]:
    """The receiver, listening until the block ends; its URL. Raises `CannotListen`."""
    async with AsyncExitStack() as stack:
        relay = Relay(client, netbox)
        records = Throttle(relay.notify_fleet, FLEET_INTERVAL_SECONDS)
        pushes = Throttle(relay.sync_affected_fabrics, PUSH_INTERVAL_SECONDS)
        for bursts in (records, pushes):
            await stack.enter_async_context(_running_in_background(bursts.run()))
        app = create_app(settings.webhook_secret.get_secret_value(), records.add, pushes.add)
        url = await stack.enter_async_context(
            running_server(app, settings.webhook_host, settings.webhook_port)
        )
        log.info("Taking webhooks of NetBox at %s/netbox, of Git hosts at %s/git.", url, url)
        yield url


def create_app(
    secret: str, on_record: Callable[[int], None], on_push: Callable[[PushEvent], None]
) -> Starlette:
    """The application. What those who know `secret` tell goes to `on_record`, by its id, or `on_push`."""

    def take_event(body: bytes) -> bool:
        event = parse_record_event(body)
        if event:
            on_record(event.data.id)
        return event is not None

    def take_push(body: bytes) -> bool:
        push = parse_push(body)
        if push:
            on_push(push)
        return push is not None

    routes = [
        _create_route("/netbox", secret, is_from_netbox, take_event),
        _create_route("/git", secret, is_from_git_host, take_push),
    ]
    app = Starlette(routes=routes, max_body_size=MAX_BODY_BYTES)
    app.router.redirect_slashes = False
    return app


def _create_route(
    path: str,
    secret: str,
    is_authentic: Callable[[Headers, bytes, str], bool],
    handle: Callable[[bytes], bool],
) -> Route:
    async def answer(request: Request) -> Response:
        try:
            async with asyncio.timeout(BODY_TIMEOUT_SECONDS):
                body = await request.body()
        except (TimeoutError, ClientDisconnect):
            return PlainTextResponse("The body did not arrive.", 408)
        if not is_authentic(request.headers, body, secret):
            log.warning("Refused a request to %s: its signature is missing or wrong.", path)
            return PlainTextResponse("The signature is missing or wrong.", 401)
        try:
            is_for_us = handle(body)
        except InvalidJson:
            return PlainTextResponse("The body has to be JSON: choose application/json.", 400)
        return PlainTextResponse("Accepted.", 202) if is_for_us else PlainTextResponse("Ignored.")

    return Route(path, answer, methods=["POST"])


@asynccontextmanager
async def _running_in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
