"""The HTTP server that takes webhooks: `POST /netbox` and `POST /git`, and nothing else.

It speaks plain HTTP and listens on the loopback interface unless told otherwise: a proxy in front of
it brings TLS, without which GitLab's plain token could be read on the way.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from typing import Final, override

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.client import Client

from activities.netbox import NetBox
from settings import Settings
from webhooks.bursts import Bursts
from webhooks.payloads import NotJson, Push, read_push, read_record_event
from webhooks.relay import Relay
from webhooks.signatures import Headers, is_from_git_host, is_from_netbox

MAX_BODY: Final = 5 * 1024 * 1024
"""Bytes. GitHub stops at 25 MB, which only pushes of thousands of commits come near to."""

MAX_CONNECTIONS: Final = 32
"""At the same time, so that strangers cannot make the worker hold more than so many bodies."""

BODY_SECONDS: Final = 10.0
"""What a body may take to arrive: those who send slowly hold places that others need."""

FLEET_PAUSE: Final = 1.0
PUSH_PAUSE: Final = 3.0
"""Seconds. A push costs a reading of all records, and people push several branches at once."""

STOP_SECONDS: Final = 3
"""What requests under way get to finish when the worker stops."""

log = logging.getLogger("fabric_sync.webhooks")


class CannotListen(Exception):
    """The address of the receiver is not to be had; the text is for the operator."""


@asynccontextmanager
async def running_receiver(client: Client, settings: Settings) -> AsyncIterator[str]:
    """The receiver, listening until the block ends; its URL. Raises `CannotListen`.

    Port 0 is any that is free.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listener(settings))
        relay = Relay(client, stack.enter_context(closing(NetBox.from_settings(settings))))
        records = Bursts(relay.tell_fleet, FLEET_PAUSE)
        pushes = Bursts(relay.sync_followers, PUSH_PAUSE)
        for bursts in (records, pushes):
            await stack.enter_async_context(_in_background(bursts.run()))
        app = receiver(settings.webhook_secret.get_secret_value(), records, pushes)
        await stack.enter_async_context(_serving(app, listener))
        url = _url(listener)
        log.info("Taking webhooks of NetBox at %s/netbox, of Git hosts at %s/git.", url, url)
        yield url


def receiver(secret: str, records: Bursts[int], pushes: Bursts[Push]) -> Starlette:
    """The application: requests of those who know `secret` become hints in `records` and `pushes`."""

    def from_netbox(body: bytes) -> bool:
        event = read_record_event(body)
        if event:
            records.add(event.data.id)
        return event is not None

    def from_git_host(body: bytes) -> bool:
        push = read_push(body)
        if push:
            pushes.add(push)
        return push is not None

    app = Starlette(
        routes=[
            _route("/netbox", secret, is_from_netbox, from_netbox),
            _route("/git", secret, is_from_git_host, from_git_host),
        ],
        max_body_size=MAX_BODY,
    )
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
            taken = take(body)
        except NotJson:
            return PlainTextResponse("The body has to be JSON: choose application/json.", 400)
        return PlainTextResponse("Accepted.", 202) if taken else PlainTextResponse("Not for us.")

    return Route(path, answer, methods=["POST"])


class _Server(uvicorn.Server):
    """Stops with the worker, whose signal handlers stay as they are."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def _serving(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    server = _Server(
        uvicorn.Config(
            app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve([listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _listener(settings: Settings) -> socket.socket:
    host, port = settings.webhook_host, settings.webhook_port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotListen(
            f"The webhook receiver cannot listen on {host} port {port} ({error.strerror}): correct"
            " FABRIC_SYNC_WEBHOOK_HOST and FABRIC_SYNC_WEBHOOK_PORT, or stop what listens there."
        ) from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
