"""An HTTP server for an ASGI application inside another process.

Webhooks have one, and so have metrics and probes, and the codec server.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, override

import uvicorn
from starlette.types import ASGIApp

from webhooks.connections import MAX_HEADER_BYTES, BoundedConnection

SHUTDOWN_TIMEOUT_SECONDS: Final = 3
"""For running requests to finish when the worker stops."""

MAX_WAITING_CONNECTIONS: Final = 128
"""How many wait in the system. The worker accepts up to as many at a time, before it closes those in excess."""


@asynccontextmanager
async def running_server(app: ASGIApp, host: str, port: int) -> AsyncIterator[str]:
    """Serve `app` until the block ends; its URL. Port 0 means any free port.

    Raises `OSError` if the address cannot be used; `strerror` says why.
    """
    with _open_listener(host, port) as listener:
        server = _Server(_build_config(app))
        task = asyncio.create_task(server.serve([listener]), name="HTTP server")
        try:
            yield _format_url(listener)
        finally:
            server.should_exit = True
            await task


class _Server(uvicorn.Server):
    """A server that leaves the worker's signal handlers alone."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _build_config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("Connection", "close")],
        backlog=MAX_WAITING_CONNECTIONS,
        h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_SECONDS,
    )


def _open_listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        host.encode("idna")  # as Python does, which then would leave a socket open
        return socket.create_server((host, port), family=family)
    except UnicodeError:
        raise OSError(errno.EINVAL, "no host can have this name") from None
    except OSError as error:
        # Python adds the address to the words of the system.
        reason, _, _ = str(error.strerror).partition(" (while attempting to bind")
        raise OSError(error.errno, reason) from None


def _format_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
