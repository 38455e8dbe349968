"""A NetBox and a Kubernetes API that answer at once.

NetBox holds only the records of fabrics. The Kubernetes API serves the same encoded lists for every
fabric, each below a path of its own. Both run in a thread of this process.
"""

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import trustme
from aiohttp import web

from fabrics.resources.kinds import Kind
from stack.processes.ports import LOOPBACK

type Row = dict[str, Any]

CLUSTERS: Final = "/api/virtualization/clusters/"
CLUSTER_TYPE: Final = {"slug": "hedgehog-fabric"}


class InstantSources:
    """Both sources, and how many lists each fabric has been served."""

    def __init__(self, lists: Mapping[Kind, bytes]) -> None:
        self.netbox_url = ""
        self.lists_served: Counter[str] = Counter()
        self._kubernetes_url = ""
        self._records: dict[int, Row] = {}
        self._lists = {f"{kind.api_version}/{kind.plural}": body for kind, body in lists.items()}
        self._ca = trustme.CA()

    def add_fabric(self, fabric_id: str, interval: int, repository: str, credential: Path) -> None:
        """Create the fabric's credential and its record, with its sync enabled."""
        credential.mkdir(parents=True)
        self._ca.cert_pem.write_to_path(credential / "ca.crt")
        fields = {
            "hh_fabric_id": fabric_id,
            "hh_sync_enabled": True,
            "hh_sync_interval": interval,
            "hh_kubernetes_server": f"{self._kubernetes_url}/{fabric_id}",
            "hh_git_repository": repository,
            "hh_git_directory": fabric_id,
        }
        record_id = len(self._records) + 1
        self._records[record_id] = {
            "id": record_id,
            "name": fabric_id,
            "status": {"value": "active", "label": "Active"},
            "type": CLUSTER_TYPE,
            "scope_type": None,
            "scope_id": None,
            "custom_fields": fields,
        }

    # -- NetBox -----------------------------------------------------------------------------------

    async def _list_records(self, request: web.Request) -> web.Response:
        fabric_id = request.query.get("cf_hh_fabric_id")
        rows = [
            row
            for row in self._records.values()
            if fabric_id in (None, row["custom_fields"]["hh_fabric_id"])
        ]
        return _respond_with_rows(rows)

    async def _list_cluster_types(self, _: web.Request) -> web.Response:
        return _respond_with_rows([CLUSTER_TYPE | {"cluster_count": len(self._records)}])

    async def _show_record(self, request: web.Request) -> web.Response:
        record = self._records[int(request.match_info["id"])]
        if request.method == "PATCH":
            record["custom_fields"] |= (await request.json())["custom_fields"]
        return web.json_response(record, headers={"ETag": '"any"'})

    async def _journal(self, request: web.Request) -> web.Response:
        return _respond_with_rows([]) if request.method == "GET" else web.json_response({"id": 1})

    # -- Kubernetes -------------------------------------------------------------------------------

    async def _list_objects(self, request: web.Request) -> web.Response:
        path = request.match_info
        self.lists_served[path["fabric"]] += 1
        body = self._lists.get(f"{path['group']}/{path['version']}/{path['plural']}")
        if body is None:
            return web.json_response({"kind": "Status", "code": 404}, status=404)
        return web.Response(body=body, content_type="application/json")

    # -- both -------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listen on both URLs until the block ends."""
        netbox, kubernetes = web.Application(), web.Application()
        netbox.router.add_get(CLUSTERS, self._list_records)
        netbox.router.add_route("*", CLUSTERS + "{id}/", self._show_record)
        netbox.router.add_get("/api/virtualization/cluster-types/", self._list_cluster_types)
        netbox.router.add_route("*", "/api/extras/journal-entries/", self._journal)
        kubernetes.router.add_get(
            "/{fabric}/apis/{group}/{version}/namespaces/{namespace}/{plural}", self._list_objects
        )
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(LOOPBACK).configure_cert(tls)
        async with AsyncExitStack() as exits:
            port = await _start(netbox, None, exits)
            self.netbox_url = f"http://{LOOPBACK}:{port}"
            port = await _start(kubernetes, tls, exits)
            self._kubernetes_url = f"https://{LOOPBACK}:{port}"
            yield


@contextmanager
def running_sources(lists: Mapping[Kind, bytes]) -> Iterator[InstantSources]:
    """Serve both from a thread until the block ends."""
    sources = InstantSources(lists)
    is_ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with sources.serving():
            is_ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()], name="sources")
    thread.start()
    is_ready.wait()
    try:
        yield sources
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _start(app: web.Application, tls: ssl.SSLContext | None, exits: AsyncExitStack) -> int:
    """Serve `app` until `exits` closes, and return the port."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    exits.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls).start()
    port: int = runner.addresses[0][1]
    return port


def _respond_with_rows(rows: list[Row]) -> web.Response:
    return web.json_response({"count": len(rows), "next": None, "results": rows})
