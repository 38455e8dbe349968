"""The codec server: it decrypts for Temporal's Web UI.

It also encrypts what people send with that. The Web UI asks it from the browser
(https://docs.temporal.io/production-deployment/data-encryption), so only pages of the Web UI's own origin may. Whoever
else reaches the port can decrypt what they already have in encrypted form.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from google.protobuf import json_format
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from temporalio.api.common.v1 import Payload, Payloads

from activities.errors import PermanentError
from codec.encryption import EncryptionCodec

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""The Web UI asks for a page of a history at a time; a payload of ours is below 64 KB."""

NO_PAYLOADS: Final = (json_format.ParseError, UnicodeDecodeError)
"""What protobuf raises for a body that is something else."""

type Convert = Callable[[Sequence[Payload]], Awaitable[list[Payload]]]


def create_app(codec: EncryptionCodec, origins: Sequence[str]) -> Starlette:
    """Return the application for the Web UIs with these origins.

    An origin is a scheme, a host and a port, such as `http://localhost:8233`.
    """
    cors = Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=["*"],
        allow_credentials=True,  # for a proxy that knows its users by cookies
        allow_private_network=True,  # for the Web UI of Temporal Cloud
    )
    return Starlette(
        routes=[
            *_create_routes("encode", codec.encode, origins),
            *_create_routes("decode", codec.decode, origins),
        ],
        middleware=[cors],
        max_body_size=MAX_BODY_BYTES,
    )


def _create_routes(name: str, convert: Convert, origins: Sequence[str]) -> list[Route]:
    """Return the routes of an operation: only the last part of a path counts."""

    async def respond(request: Request) -> Response:
        try:
            body = await request.body()
        except ClientDisconnect:
            return PlainTextResponse("The body did not arrive.", 408)
        origin = request.headers.get("origin")
        if origin and origin not in origins:  # the temporal command has none
            return PlainTextResponse(f"Not for pages of {origin!a}.", 403)
        try:
            payloads = json_format.Parse(body, Payloads(), ignore_unknown_fields=True)
        except NO_PAYLOADS:
            return PlainTextResponse("The body must be payloads as JSON.", 400)
        try:
            converted = Payloads(payloads=await convert(payloads.payloads))
        except PermanentError as error:
            return PlainTextResponse(str(error), 400)
        return Response(json_format.MessageToJson(converted), media_type="application/json")

    paths = f"/{name}", f"/{{prefix:path}}/{name}"
    return [Route(path, respond, methods=["POST"]) for path in paths]
