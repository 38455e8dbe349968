"""An emulated Kubernetes API: https, a bearer token, objects with versions and pages, and faults.

It serves from a thread with an event loop of its own; every method may be called from any thread.
"""

import asyncio
import secrets
import ssl
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

import trustme
from aiohttp import web

from fabrics.resources.kinds import LISTED_KINDS, Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.base import LOOPBACK, KubernetesApi, ServerAuth, get_served_kind
from stack.kubernetes.emulated_objects import EmulatedObjects
from stack.kubernetes.faults import Fault, Faults, make_status_response

MAX_RECORDED_REQUESTS: Final = 1000


class EmulatedKubernetesApi(KubernetesApi):
    """The emulator while it runs."""

    def __init__(
        self, server: str, handler: "_RequestHandler", event_loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(server, handler.auth)
        self._handler = handler
        self._event_loop = event_loop

    def apply_all(self, items: Iterable[Mapping[str, Any]]) -> None:
        pairs = [(get_served_kind(item), item) for item in items]

        def apply() -> None:
            for kind, item in pairs:
                self._handler.objects.apply(kind, item)

        self._run_in_event_loop(apply)

    def delete(self, kind: Kind, name: str, namespace: str = DEFAULT_NAMESPACE) -> None:
        self._run_in_event_loop(lambda: self._handler.objects.remove(kind, namespace, name))

    def delete_all(self, kind: Kind) -> None:
        self._run_in_event_loop(lambda: self._handler.objects.remove_all(kind))

    def stop_serving(self, kind: Kind) -> None:
        """Stop serving a kind, as a Hedgehog release without it does."""
        self._run_in_event_loop(lambda: self._handler.objects.stop_serving(kind))

    def expire_lists(self) -> None:
        """Make every continue token that was given out too old to use."""
        self._run_in_event_loop(self._handler.objects.expire_lists)

    def inject_fault(self, fault: Fault) -> None:
        """Let requests fail from now on."""
        self._run_in_event_loop(lambda: self._handler.faults.inject(fault))

    def clear_faults(self) -> None:
        """No more faults."""
        self._run_in_event_loop(self._handler.faults.clear)

    @property
    def request_paths(self) -> list[str]:
        """What was asked for, path and query, the latest last."""
        return [path for path, _ in self._handler.requests]

    @property
    def connection_count(self) -> int:
        """Over how many connections."""
        return len({peer for _, peer in self._handler.requests})

    def _run_in_event_loop(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._event_loop).result()


@contextmanager
def kubernetes_emulator() -> Iterator[EmulatedKubernetesApi]:
    """An empty emulated API that serves the Hedgehog kinds, while the `with` block runs."""
    handler = _RequestHandler(ServerAuth(secrets.token_urlsafe(24), trustme.CA()))
    with _event_loop_in_thread() as loop:
        serving = _serve(handler)
        port = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        try:
            yield EmulatedKubernetesApi(f"https://{LOOPBACK}:{port}", handler, loop)
        finally:
            asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()


class _RequestHandler:
    """What happens to a request before kmock sees it."""

    def __init__(self, auth: ServerAuth) -> None:
        self.auth = auth
        self.faults = Faults()
        self.requests: deque[tuple[str, object]] = deque(maxlen=MAX_RECORDED_REQUESTS)
        self.objects = EmulatedObjects()
        for kind in LISTED_KINDS:
            self.objects.serve_kind(kind)

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append((request.path_qs, request.get_extra_info("peername")))
        if request.headers.get("Authorization") != f"Bearer {self.auth.token}":
            return make_status_response(401, "Unauthorized")
        if fault := self.faults.find(request):
            return await fault.respond(request)
        return await self.objects(request)


@contextmanager
def _event_loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="kubernetes-emulator", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))  # connections that were closed last end here
        loop.close()


@asynccontextmanager
async def _serve(handler: _RequestHandler) -> AsyncIterator[int]:
    """Serve on a free port, which is returned."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    handler.auth.issue_certificate().configure_cert(context)
    server = web.Server(
        handler, handler_cancellation=True, access_log=None
    )  # as `Fault.respond` may wait for ever
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(handler.objects)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()
        yield runner.addresses[0][1]
        for connection in server.connections:
            if connection.transport:  # do not wait for clients to agree that TLS ends
                connection.transport.abort()
