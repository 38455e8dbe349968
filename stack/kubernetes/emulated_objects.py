"""The objects of an emulated Kubernetes API: versions, paged lists and tables.

kmock stores them and answers get, write and watch requests.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol, cast
from uuid import uuid4

import kmock
from aiohttp import web
from cachetools import LRUCache

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes import discovery
from stack.kubernetes.manifests import format_time
from stack.kubernetes.releases import HedgehogRelease, get_served_kind
from stack.kubernetes.table_response import NotAcceptableError, make_table, wants_table

type Item = dict[str, Any]
type Items = list[Item]
type Clock = Callable[[], datetime]
type ObjectKey = tuple[kmock.resource, str | None, str]

MAX_CONTINUE_TOKENS: Final = 100
MAX_IN_FLIGHT_REQUESTS: Final = 50


@dataclass(frozen=True)
class Write:
    """A change of one stored object. A side is None where there was or is no object."""

    kind: Kind
    before: Item | None
    after: Item | None


class ObjectSource(Protocol):
    """Computes objects at the time of each request, beside those that are stored."""

    def list_items(self, kind: Kind) -> Items:
        """Return its current objects of this kind."""


class EmulatedObjects(kmock.KubernetesEmulator):
    """Serves the installed kinds; other kinds are 404, like a missing definition.

    `admit` is applied to what is written. `observers` hear of each write, and `sources` add objects.
    """

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.admit: Callable[[Item], Item] = dict
        self.clock: Clock = utc_now
        self.observers: list[Callable[[Write], None]] = []
        self.sources: list[ObjectSource] = []
        self._kinds: dict[kmock.resource, Kind] = {}
        self._resource_version = 0
        self._list_remainders: LRUCache[str, Items] = LRUCache(MAX_CONTINUE_TOKENS)

    def play(self, release: HedgehogRelease) -> None:
        """Serve the kinds of a Hedgehog release, and admit what is written as it does."""
        self.admit = release.admit
        for kind in release.kinds:
            self.serve_kind(kind)

    def upgrade(self, release: HedgehogRelease) -> None:
        """Play a newer release, default all stored objects anew and add its own."""
        self.play(release)
        for item in list(self.iter_all_items()):
            if self.admit(item) != item:
                self.apply(get_served_kind(item), item)
        for item in release.initial_objects:
            kind = get_served_kind(item)
            if not any(self.iter_items(kind)):
                self.apply(kind, item)

    def serve_kind(self, kind: Kind) -> None:
        """Serve `kind`, as after its definition was installed."""
        self._kinds[_to_kmock_resource(kind)] = kind
        self.resources[_to_kmock_resource(kind)] = kmock.ResourceInfo(kind=kind.name)

    def stop_serving(self, kind: Kind) -> None:
        """Stop serving `kind` and delete its objects, as Kubernetes does."""
        self.remove_all(kind)
        del self._kinds[_to_kmock_resource(kind)]
        del self.resources[_to_kmock_resource(kind)]

    def apply(self, kind: Kind, item: Mapping[str, Any]) -> None:
        """Create or replace one object."""
        metadata = item["metadata"]
        namespace = metadata.get("namespace", DEFAULT_NAMESPACE)
        key = _to_kmock_resource(kind), namespace, metadata["name"]
        self._store(key, item, self._find(key))

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete one object. Raises KeyError if it does not exist."""
        key = _to_kmock_resource(kind), namespace, name
        before = self._find(key)
        del self.objects[key]
        self._notify(kind, before, None)

    def remove_all(self, kind: Kind) -> None:
        """Delete all objects of `kind`."""
        for item in list(self.iter_items(kind)):
            self.remove(kind, item["metadata"]["namespace"], item["metadata"]["name"])

    def iter_items(self, kind: Kind) -> Iterator[Item]:
        """Yield the stored objects of `kind` in the order of their names."""
        resource = _to_kmock_resource(kind)
        by_name = sorted(
            (key[1:], stored.raw)
            for key, stored in self.objects.items()
            if key[0] == resource and not stored.deleted
        )
        return (item for _, item in by_name)

    def iter_all_items(self) -> Iterator[Item]:
        """Yield the stored objects of all served kinds."""
        for kind in self._kinds.values():
            yield from self.iter_items(kind)

    def issue_resource_version(self) -> str:
        """Return a new version, higher than all before."""
        self._resource_version += 1
        return str(self._resource_version)

    def expire_lists(self) -> None:
        """Expire all continue tokens that have been issued."""
        self._list_remainders.clear()

    async def _handle(self, request: kmock.Request) -> web.StreamResponse:
        # kmock keeps and searches all requests and errors. Drop them: the demo may run for days.
        del self._requests[:-MAX_IN_FLIGHT_REQUESTS]
        for reaction in self._payloads:
            del reaction._requests[:-MAX_IN_FLIGHT_REQUESTS]
        self.errors.clear()
        return await super()._handle(request)

    async def _serve_list(self, request: kmock.Request) -> kmock.Payload:
        resource = _require_resource(request)
        if resource not in self.resources:
            raise kmock.KubernetesResourceNotFoundError
        kind = self._kinds[resource]
        token = request.params.get("continue")
        items = self._resume_list(token) if token else self._select_objects(kind, request)
        limit = int(request.params.get("limit") or 0) or len(items)
        metadata = {
            "resourceVersion": str(self._resource_version),
            **self._save_list_remainder(items[limit:]),
        }
        if table := self._make_table(request, kind, items[:limit], metadata):
            return table
        return {
            "apiVersion": kind.api_version,
            "kind": f"{kind.name}List",
            "metadata": metadata,
            "items": items[:limit],
        }

    async def _serve_fetch(self, request: kmock.Request) -> kmock.Payload:
        kind = self._kinds.get(_require_resource(request))
        listed = self._list_objects(kind, request.namespace) if kind else []
        found = [item for item in listed if item["metadata"]["name"] == request.name]
        if kind is None:
            raise kmock.KubernetesResourceNotFoundError
        if not found:
            message = f'{kind.plural}.{kind.group} "{request.name}" not found'
            raise kmock.KubernetesError(404, "NotFound", message)
        metadata = {"resourceVersion": found[0]["metadata"]["resourceVersion"]}
        return self._make_table(request, kind, found, metadata) or found[0]

    async def _serve_apis(self, _request: kmock.Request) -> kmock.Payload:
        return discovery.make_group_list(self._kinds.values())

    async def _serve_group(self, request: kmock.Request) -> kmock.Payload:
        group = str(_require_resource(request).group)
        return _require_document(discovery.make_group(self._kinds.values(), group))

    async def _serve_version(self, request: kmock.Request) -> kmock.Payload:
        resource = _require_resource(request)
        group, version = str(resource.group), str(resource.version)
        return _require_document(discovery.make_resource_list(self._kinds.values(), group, version))

    async def _serve_create(self, request: kmock.Request) -> kmock.Payload:
        name = request.data["metadata"]["name"]
        namespace = request.namespace or request.data["metadata"].get("namespace")
        key = _require_resource(request), namespace, name
        return self._store(key, self.objects[key].raw, None)

    async def _serve_update(self, request: kmock.Request) -> kmock.Payload:
        key = _require_resource(request), request.namespace, request.name or ""
        previous = self.objects[key].history[-2]
        return self._store(key, self.objects[key].raw, previous.raw if previous else None)

    async def _serve_delete(self, request: kmock.Request) -> kmock.Payload:
        deleted = await super()._serve_delete(request)
        self._notify(self._kinds[_require_resource(request)], cast(Item, deleted), None)
        return deleted

    def _store(
        self, key: ObjectKey, item: Mapping[str, Any], previous: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Store `item` with a server's metadata: every write gets a new version."""
        item = self.admit(dict(item))
        before = previous["metadata"] if previous else {}
        unchanged = previous is not None and previous.get("spec") == item.get("spec")
        metadata = dict(item["metadata"])
        if not unchanged and metadata.get("managedFields") == before.get("managedFields"):
            metadata.pop("managedFields", None)  # nobody said who wrote this spec
        stored = {
            **item,
            "metadata": {
                "uid": str(uuid4()),
                "creationTimestamp": format_time(self.clock()),
                **metadata,
                **{name: before[name] for name in ("uid", "creationTimestamp") if name in before},
                "namespace": key[1],
                "resourceVersion": self.issue_resource_version(),
                "generation": before.get("generation", 0) + (0 if unchanged else 1),
            },
        }
        self.objects[key] = stored
        if kind := self._kinds.get(key[0]):
            self._notify(kind, dict(previous) if previous else None, stored)
        return stored

    def _find(self, key: ObjectKey) -> Item | None:
        if key not in self.objects or self.objects[key].deleted:
            return None
        return self.objects[key].raw

    def _notify(self, kind: Kind, before: Item | None, after: Item | None) -> None:
        if after is None:
            self.issue_resource_version()
        for observer in self.observers:
            observer(Write(kind, before, after))

    def _select_objects(self, kind: Kind, request: kmock.Request) -> Items:
        """Return the objects of a list; the only field selector is that of a name."""
        items = self._list_objects(kind, request.namespace)
        name = request.params.get("fieldSelector", "").removeprefix("metadata.name=")
        return [item for item in items if not name or item["metadata"]["name"] == name]

    def _list_objects(self, kind: Kind, namespace: str | None) -> Items:
        computed = [item for source in self.sources for item in source.list_items(kind)]
        items = [*self.iter_items(kind), *computed]
        return [item for item in items if namespace in (None, item["metadata"]["namespace"])]

    def _make_table(
        self, request: kmock.Request, kind: Kind, items: Items, metadata: Mapping[str, Any]
    ) -> Item | None:
        """Return the Table of `items` if the client wants one."""
        try:
            if not wants_table(request.headers.get("Accept", "")):
                return None
            include = request.params.get("includeObject", "")
            return make_table(kind, items, metadata, include, self.clock())
        except NotAcceptableError as error:
            raise kmock.KubernetesError(406, "NotAcceptable", str(error)) from error
        except ValueError as error:
            raise kmock.KubernetesError(400, "BadRequest", str(error)) from error

    def _save_list_remainder(self, remainder: Items) -> dict[str, object]:
        if not remainder:
            return {}
        token = uuid4().hex
        self._list_remainders[token] = remainder
        return {"continue": token, "remainingItemCount": len(remainder)}

    def _resume_list(self, token: str) -> Items:
        remainder = self._list_remainders.get(token)
        if remainder is None:
            message = "The provided continue parameter is too old to display a consistent list."
            raise kmock.KubernetesError(status=410, reason="Expired", message=message)
        return remainder


def utc_now() -> datetime:
    """Return the current time."""
    return datetime.now(UTC)


def _to_kmock_resource(kind: Kind) -> kmock.resource:
    return kmock.resource(kind.group, kind.version, kind.plural)


def _require_resource(request: kmock.Request) -> kmock.resource:
    if request.resource is None:
        raise kmock.KubernetesEndpointNotFoundError
    return request.resource


def _require_document(document: discovery.Document | None) -> discovery.Document:
    if document is None:
        raise kmock.KubernetesResourceNotFoundError
    return document
