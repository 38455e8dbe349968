"""`serve-codec`: decrypt for Temporal's Web UI."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from activities.setup.views import LOCAL_WEB_UI_URL
from cli import console
from cli.errors import CommandError, load_settings
from codec.encryption import EncryptionCodec
from codec.keys import KeyFile
from codec.server import create_app
from webhooks.server import running_server

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

WebUi = Annotated[
    list[str],
    typer.Option(
        "--web-ui",
        metavar="URL",
        envvar="TEMPORAL_UI_URL",
        help="The URL of the Web UI that may ask; repeatable.",
    ),
]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]


def serve_codec(
    web_ui: WebUi = [LOCAL_WEB_UI_URL],  # noqa: B006  typer copies it
    host: Host = "127.0.0.1",
    port: Port = 8081,
) -> None:
    """Decrypt what Temporal's Web UI shows, until Ctrl-C.

    Whoever reaches the port can decrypt what Temporal stores: put one that others reach behind a proxy that knows its
    users.
    """
    keys_file = load_settings().encryption_keys_file
    if keys_file is None:
        raise CommandError(
            "Nothing is encrypted: FABRIC_SYNC_ENCRYPTION_KEYS_FILE names no file with keys."
        )
    try:
        asyncio.run(_serve(keys_file, [_get_origin(url) for url in web_ui], host, port))
    except KeyboardInterrupt:
        return


async def _serve(keys_file: Path, origins: Sequence[str], host: str, port: int) -> None:
    app = create_app(EncryptionCodec(KeyFile(keys_file)), origins)
    async with AsyncExitStack() as stack:
        try:
            url = await stack.enter_async_context(running_server(app, host, port))
        except OSError as error:
            raise CommandError(
                f"Nothing can listen on {host} port {port} ({error.strerror}): choose another --host or --port, or stop"
                " what listens there."
            ) from None
        console.note(
            f"Decrypting at {url} for pages of {', '.join(origins)}. Name it in the Web UI as codec endpoint (the icon"
            " with the glasses). Ctrl-C ends."
        )
        await asyncio.Event().wait()


def _get_origin(url: str) -> str:
    """Return the origin of a URL, as browsers name it. Raises `CommandError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _not_a_url(url) from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise _not_a_url(url)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    suffix = "" if port in (None, DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def _not_a_url(url: str) -> CommandError:
    return CommandError(f"{url} is no URL of a Web UI, such as {LOCAL_WEB_UI_URL}.")
