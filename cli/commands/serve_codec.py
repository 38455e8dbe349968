"""`serve-codec`: decrypt for Temporal's Web UI."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli import console
from cli.errors import CommandError, load_settings
from codec.encryption import EncryptionCodec
from codec.keys import KeyFile
from codec.server import create_app
from webhooks.server import running_server

WebUi = Annotated[
    list[str], typer.Option("--web-ui", metavar="URL", help="The Web UI that may ask; repeatable.")
]
Host = Annotated[str, typer.Option(help="The address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="The port to listen on.")]

DEFAULT_WEB_UIS = ["http://localhost:8233", "http://127.0.0.1:8233"]


def serve_codec(
    web_ui: WebUi = DEFAULT_WEB_UIS, host: Host = "127.0.0.1", port: Port = 8081
) -> None:
    """Decrypt what Temporal's Web UI shows, until Ctrl-C.

    Whoever reaches the port can decrypt what Temporal stores: put an address of other hosts behind a proxy that
    knows its users.
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
    try:
        async with running_server(app, host, port) as url:
            console.note(
                f"Decrypting at {url} for pages of {', '.join(origins)}. Name it in the Web UI as codec endpoint"
                " (the icon with the glasses). Ctrl-C ends."
            )
            await asyncio.Event().wait()
    except OSError as error:
        raise CommandError(
            f"Nothing can listen on {host} port {port} ({error.strerror}): choose another --port, or stop what"
            " listens there."
        ) from None


def _get_origin(url: str) -> str:
    """Return the origin of a URL. Raises `CommandError`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise CommandError(f"{url} is no URL of a Web UI, such as http://localhost:8233.")
    return f"{parts.scheme}://{parts.netloc}".lower()
