"""The HTTP receiver of webhooks: `POST /netbox` and `POST /git`.

It speaks plain HTTP and listens on the loopback interface by default. A reverse proxy should add TLS, without
which GitLab's plain token could be read in transit.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, cast

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.client import Client

from activities.errors import PermanentError
from activities.netbox.client import NetBox
from activities.secrets.sources import webhook_secret
from settings import Settings
from webhooks.payloads import InvalidJson, PushEvent, RecordEvent, parse_push, parse_record_event
from webhooks.relay import Relay
from webhooks.repetitions import limited_warnings
from webhooks.server import running_server
from webhooks.signatures import Verifier, is_from_git_host, is_from_netbox
from webhooks.throttle import Throttle

MAX_BODY_BYTES: Final = 2 * 1024 * 1024
"""GitHub sends up to 25 MB, but only pushes of thousands of commits are above 2 MB. Each connection may hold one."""

FLEET_INTERVAL_SECONDS: Final = 1.0
PUSH_INTERVAL_SECONDS: Final = 3.0
"""Longer, since a push makes the relay read all records, and people push several branches at once."""

WARNING_LOGGERS: Final = ("fabric_sync.webhooks", "uvicorn.error")

type ReadSecrets = Callable[[], Sequence[str]]
"""Returns the secrets with which a request may be signed at the moment."""

log = logging.getLogger("fabric_sync.webhooks")


class CannotListen(Exception):
    """The address cannot be used; the text is for the operator."""


@asynccontextmanager
async def running_receiver(
    client: Client, netbox: NetBox, settings: Settings
) -> AsyncIterator[str]:
    """Run the receiver until the block ends; its URL.

    Raises `CannotListen`, and `PermanentError` if the secrets cannot be read.
    """
    secrets = webhook_secret(settings)
    secrets.read_all()
    async with AsyncExitStack() as stack:
        stack.enter_context(limited_warnings(*WARNING_LOGGERS))
        relay = Relay(client, netbox)
        records = Throttle(relay.notify_fleet, FLEET_INTERVAL_SECONDS)
        pushes = Throttle(relay.sync_affected_fabrics, PUSH_INTERVAL_SECONDS)
        for throttle in (records, pushes):
            await stack.enter_async_context(_running_in_background(throttle.run()))
        app = create_app(secrets.read_all, records.add, pushes.add)
        host, port = settings.webhook_host, settings.webhook_port
        try:
            url = await stack.enter_async_context(running_server(app, host, port))
        except OSError as error:
            raise CannotListen(
                f"The webhook receiver cannot listen on {host} port {port} ({error.strerror}): correct"
                " FABRIC_SYNC_WEBHOOK_HOST and FABRIC_SYNC_WEBHOOK_PORT, or stop what listens there."
            ) from None
        log.info("Receiving webhooks of NetBox at %s/netbox, of Git hosts at %s/git.", url, url)
        yield url


def create_app(
    read_secrets: ReadSecrets,
    on_record: Callable[[int], None],
    on_push: Callable[[PushEvent], None],
) -> Starlette:
    """Return the application; signed events go to `on_record` or `on_push`."""

    def on_event(event: RecordEvent) -> None:
        on_record(event.data.id)

    netbox = _create_route("/netbox", read_secrets, is_from_netbox, parse_record_event, on_event)
    git = _create_route("/git", read_secrets, is_from_git_host, parse_push, on_push)
    app = Starlette(
        routes=[netbox, git],
        exception_handlers={404: _answer_after_body, 405: _answer_after_body},
        max_body_size=MAX_BODY_BYTES,
    )
    app.router.redirect_slashes = False
    return app


def _create_route[T](
    path: str,
    read_secrets: ReadSecrets,
    is_authentic: Verifier,
    parse: Callable[[bytes], T | None],
    handle: Callable[[T], None],
) -> Route:
    async def respond(request: Request) -> Response:
        body = await _read_body(request)
        if body is None:
            return PlainTextResponse("The body did not arrive.", 408)
        try:
            secrets = read_secrets()
        except PermanentError as error:
            log.warning("Webhooks cannot be verified: %s", error)
            return PlainTextResponse("The secret cannot be read.", 503)
        if not any(is_authentic(request.headers, body, secret) for secret in secrets):
            log.warning(f"Rejected a request to {path}: its signature is missing or wrong.")
            return PlainTextResponse("The signature is missing or wrong.", 401)
        try:
            event = parse(body)
        except InvalidJson:
            return PlainTextResponse("The body must be JSON: choose application/json.", 400)
        if event is None:
            return PlainTextResponse("Ignored.")
        handle(event)
        return PlainTextResponse("Accepted.", 202)

    return Route(path, respond, methods=["POST"])


async def _read_body(request: Request) -> bytes | None:
    """Return the whole body; None if the client has gone."""
    try:
        return await request.body()
    except ClientDisconnect:
        return None


async def _answer_after_body(request: Request, error: Exception) -> Response:
    """Answer an error once the body is there: a reset would overtake the answer."""
    await _read_body(request)
    answer = cast(HTTPException, error)
    return PlainTextResponse(answer.detail, answer.status_code, answer.headers)


@asynccontextmanager
async def _running_in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
