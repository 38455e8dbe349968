"""A Kubernetes API with fixed lists, which takes next to no CPU time to answer."""

import json
import secrets
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trustme
from aiohttp import web

from fabrics.resources.kinds import LISTED_KINDS
from stack.kubernetes.base import ServerAuth
from stack.processes.ports import LOOPBACK


class StaticKubernetesApi:
    """Answers each list request with all objects: an API may ignore the page size."""

    def __init__(self) -> None:
        self.auth = ServerAuth(secrets.token_urlsafe(24), trustme.CA())
        self._lists: dict[str, bytes] = {}

    def serve(self, namespace: str, objects: Iterable[Mapping[str, Any]]) -> None:
        """Serve these objects, and empty lists of the other kinds, in a namespace."""
        items = defaultdict(list)
        for item in objects:
            items[item["kind"]].append(item)
        for kind in LISTED_KINDS:
            path = f"/apis/{kind.api_version}/namespaces/{namespace}/{kind.plural}"
            content = {"kind": f"{kind.name}List", "metadata": {}, "items": items[kind.name]}
            self._lists[path] = json.dumps(content).encode()

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        """Return the list at the path of a request with the API's token."""
        if request.headers.get("Authorization") != f"Bearer {self.auth.token}":
            return web.Response(status=401)
        if request.path not in self._lists:
            return web.Response(status=404)
        return web.Response(body=self._lists[request.path], content_type="application/json")


@asynccontextmanager
async def static_api(api: StaticKubernetesApi) -> AsyncIterator[str]:
    """Run the API until the block ends, and yield its URL."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    api.auth.issue_certificate().configure_cert(context)
    runner = web.ServerRunner(web.Server(api.respond, access_log=None), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=context).start()
        yield f"https://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
