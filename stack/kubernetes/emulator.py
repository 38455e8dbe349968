"""An emulated Kubernetes API over HTTPS: token, paged lists, injected faults.

It serves from a thread with its own event loop; every method may be called from any thread.
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

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.agents.simulation import AgentSimulation
from stack.kubernetes.base import KubernetesApi, ServerAuth
from stack.kubernetes.emulated_objects import Clock, EmulatedObjects, utc_now
from stack.kubernetes.faults import Fault, make_status_response
from stack.kubernetes.interconnects import InterconnectController
from stack.kubernetes.permissions import ClusterRole, Permissions
from stack.kubernetes.releases import HedgehogRelease, get_served_kind
from stack.processes.ports import LOOPBACK

MAX_RECORDED_REQUESTS: Final = 1000

OPENAPI_PATH: Final = "/openapi/v2"
"""Empty here: without this document `kubectl apply` refuses to apply anything."""


class EmulatedKubernetesApi(KubernetesApi):
    """A running emulator."""

    def __init__(
        self, server: str, handler: "_RequestHandler", event_loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(server, handler.auth)
        self._handler = handler
        self._event_loop = event_loop

    def apply_all(self, items: Iterable[Mapping[str, Any]]) -> None:
        by_kind = [(get_served_kind(item), item) for item in items]
        apply = self._handler.objects.apply
        self._run_in_event_loop(lambda: [apply(kind, item) for kind, item in by_kind])

    def delete(self, kind: Kind, name: str, namespace: str = DEFAULT_NAMESPACE) -> None:
        self._run_in_event_loop(lambda: self._handler.objects.remove(kind, namespace, name))

    def delete_all(self, kind: Kind) -> None:
        self._run_in_event_loop(lambda: self._handler.objects.remove_all(kind))

    def stop_serving(self, kind: Kind) -> None:
        self._run_in_event_loop(lambda: self._handler.objects.stop_serving(kind))

    def expire_lists(self) -> None:
        self._run_in_event_loop(self._handler.objects.expire_lists)

    def bind_role(self, role: ClusterRole) -> None:
        self._run_in_event_loop(lambda: self._handler.permissions.bind(role))

    def unbind_role(self, name: str) -> None:
        self._run_in_event_loop(lambda: self._handler.permissions.unbind(name))

    def upgrade(self, release: HedgehogRelease) -> None:
        """Play a newer release, which defaults all stored objects anew."""
        self._run_in_event_loop(lambda: self._handler.objects.upgrade(release))

    def run_agents(self) -> AgentSimulation:
        """Give each stored Switch and Gateway an agent, and later ones too.

        These agents are healthy and have applied everything that is stored. They live by the API's
        clock. Clients may read them only with a role that allows it (`bind_role`).
        """
        self._run_in_event_loop(self._handler.run_agents)
        return self.agents

    @property
    def agents(self) -> AgentSimulation:
        """The agents. Raises RuntimeError before `run_agents`."""
        if self._handler.agents is None:
            raise RuntimeError("This API has no agents: call run_agents first.")
        return self._handler.agents

    def inject_fault(self, fault: Fault) -> None:
        """Let requests fail until `clear_faults`."""
        self._run_in_event_loop(lambda: self._handler.faults.append(fault))

    def clear_faults(self) -> None:
        """Remove all faults, and answer requests that hang."""
        self._run_in_event_loop(self._handler.clear_faults)

    @property
    def request_paths(self) -> list[str]:
        """Path and query of the requests so far, the latest last."""
        return [path for _, path, _ in self._handler.requests]

    @property
    def request_methods(self) -> set[str]:
        """The HTTP methods of these requests."""
        return {method for method, _, _ in self._handler.requests}

    @property
    def connection_count(self) -> int:
        """The number of connections that these requests used."""
        return len({peer for _, _, peer in self._handler.requests})

    def _run_in_event_loop(self, action: Callable[[], object]) -> None:
        async def act() -> None:
            action()

        asyncio.run_coroutine_threadsafe(act(), self._event_loop).result()


@contextmanager
def kubernetes_emulator(
    auth: ServerAuth | None = None,
    port: int = 0,
    release: HedgehogRelease = HedgehogRelease.CURRENT,
    clock: Clock = utc_now,
) -> Iterator[EmulatedKubernetesApi]:
    """Run an empty emulated API of a Hedgehog release; port 0 is a free one.

    `clock` returns the time of objects, tables and agents.
    """
    auth = auth or ServerAuth(secrets.token_urlsafe(24), trustme.CA())
    handler = _RequestHandler(auth, release, clock)
    with _event_loop_in_thread() as loop:
        serving = _serve(handler, port)
        port = asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop).result()
        try:
            yield EmulatedKubernetesApi(f"https://{LOOPBACK}:{port}", handler, loop)
        finally:
            asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop).result()


class _RequestHandler:
    """Authenticates and authorizes requests and applies faults, before kmock."""

    def __init__(self, auth: ServerAuth, release: HedgehogRelease, clock: Clock) -> None:
        self.auth = auth
        self.permissions = Permissions()
        self.agents: AgentSimulation | None = None
        self.faults: list[Fault] = []
        self.requests: deque[tuple[str, str, object]] = deque(maxlen=MAX_RECORDED_REQUESTS)
        self.objects = EmulatedObjects()
        self.objects.clock = clock
        self.objects.observers.append(InterconnectController(self.objects).observe)
        self.objects.play(release)

    def run_agents(self) -> None:
        objects = self.objects
        self.agents = AgentSimulation(
            objects.iter_all_items(), objects.clock, objects.issue_resource_version
        )
        objects.observers.append(self.agents.observe)
        objects.sources.append(self.agents)

    def clear_faults(self) -> None:
        for fault in self.faults:
            fault.cleared.set()
        self.faults.clear()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        peer = request.get_extra_info("peername")
        self.requests.append((request.method, request.path_qs, peer))
        if request.headers.get("Authorization") != f"Bearer {self.auth.token}":
            return make_status_response(401, "Unauthorized")
        for fault in self.faults:
            if fault.applies_to(request):
                return await fault.respond(request)
        if request.path == OPENAPI_PATH:
            return web.Response()
        if "dryRun" in request.query:
            return make_status_response(400, "this emulated API cannot do dry runs")
        refusal = self.permissions.find_refusal(request.method, request.path, request.query)
        if refusal:
            return make_status_response(403, refusal)
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
        loop.run_until_complete(asyncio.sleep(0))  # let the last closed connections end
        loop.close()


@asynccontextmanager
async def _serve(handler: _RequestHandler, port: int) -> AsyncIterator[int]:
    """Serve on `port`, and yield the one in use."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    handler.auth.issue_certificate().configure_cert(context)
    # `Fault.respond` may wait forever: cancel it when its client leaves.
    server = web.Server(handler, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(handler.objects)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, LOOPBACK, port, ssl_context=context).start()
        yield runner.addresses[0][1]
        for connection in server.connections:
            if connection.transport:  # do not wait for the clients' TLS shutdown
                connection.transport.abort()
