"""The objects of an emulated Kubernetes API, with versions and paged lists.

kmock stores them and answers discovery, get, write and watch requests.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import kmock
from aiohttp import web
from cachetools import LRUCache

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE

type ObjectKey = tuple[kmock.resource, str | None, str]
type Items = list[dict[str, Any]]

MAX_CONTINUE_TOKENS: Final = 100
MAX_IN_FLIGHT_REQUESTS: Final = 50


class EmulatedObjects(kmock.KubernetesEmulator):
    """Serves the installed kinds; other kinds are 404, like a missing definition."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._resource_version = 0
        self._list_remainders: LRUCache[str, Items] = LRUCache(MAX_CONTINUE_TOKENS)

    def serve_kind(self, kind: Kind) -> None:
        verbs = {"get", "list", "watch", "create", "patch", "delete"}
        info = kmock.ResourceInfo(kind=kind.name, namespaced=True, verbs=verbs)
        self.resources[_to_kmock_resource(kind)] = info

    def stop_serving(self, kind: Kind) -> None:
        """Stop serving `kind` and delete its objects, as Kubernetes does."""
        del self.resources[_to_kmock_resource(kind)]
        self.remove_all(kind)

    def apply(self, kind: Kind, item: Mapping[str, Any]) -> None:
        """Create or replace one object."""
        metadata = item["metadata"]
        namespace = metadata.get("namespace", DEFAULT_NAMESPACE)
        key = _to_kmock_resource(kind), namespace, metadata["name"]
        exists = key in self.objects and not self.objects[key].deleted
        self._store(key, item, self.objects[key].raw if exists else None)

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        """Delete one object. Raises KeyError if it does not exist."""
        del self.objects[_to_kmock_resource(kind), namespace, name]
        self._resource_version += 1

    def remove_all(self, kind: Kind) -> None:
        """Delete all objects of `kind`."""
        for key in [key for key in self.objects if key[0] == _to_kmock_resource(kind)]:
            del self.objects[key]
        self._resource_version += 1

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
        token = request.params.get("continue")
        items = (
            self._resume_list(token) if token else self._list_objects(resource, request.namespace)
        )
        limit = int(request.params.get("limit") or 0) or len(items)
        metadata = {"resourceVersion": str(self._resource_version)}
        metadata |= self._save_list_remainder(items[limit:])
        return {
            "apiVersion": f"{resource.group}/{resource.version}",
            "kind": f"{self.resources[resource].kind}List",
            "metadata": metadata,
            "items": items[:limit],
        }

    async def _serve_create(self, request: kmock.Request) -> kmock.Payload:
        name = request.data["metadata"]["name"]
        namespace = request.namespace or request.data["metadata"].get("namespace")
        key = _require_resource(request), namespace, name
        return self._store(key, self.objects[key].raw, None)

    async def _serve_update(self, request: kmock.Request) -> kmock.Payload:
        key = _require_resource(request), request.namespace, request.name or ""
        previous = self.objects[key].history[-2]
        return self._store(key, self.objects[key].raw, previous.raw if previous else None)

    def _store(
        self, key: ObjectKey, item: Mapping[str, Any], previous: Mapping[str, Any] | None
    ) -> dict[str, Any]:
        """Store `item` with a server's metadata: every write gets a new version."""
        self._resource_version += 1
        before = previous["metadata"] if previous else {}
        unchanged = previous is not None and previous.get("spec") == item.get("spec")
        stored = {
            **item,
            "metadata": {
                "uid": str(uuid4()),
                "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                **item["metadata"],
                **{name: before[name] for name in ("uid", "creationTimestamp") if name in before},
                "namespace": key[1],
                "resourceVersion": str(self._resource_version),
                "generation": before.get("generation", 0) + (0 if unchanged else 1),
            },
        }
        self.objects[key] = stored
        return stored

    def _list_objects(self, resource: kmock.resource, namespace: str | None) -> Items:
        by_name = sorted(
            (key[1:], stored.raw)
            for key, stored in self.objects.items()
            if key[0] == resource and namespace in (None, key[1]) and not stored.deleted
        )
        return [item for _, item in by_name]

    def _save_list_remainder(self, remainder: Items) -> dict[str, str]:
        if not remainder:
            return {}
        token = uuid4().hex
        self._list_remainders[token] = remainder
        return {"continue": token}

    def _resume_list(self, token: str) -> Items:
        remainder = self._list_remainders.get(token)
        if remainder is None:
            message = "The provided continue parameter is too old to display a consistent list."
            raise kmock.KubernetesError(status=410, reason="Expired", message=message)
        return remainder


def _to_kmock_resource(kind: Kind) -> kmock.resource:
    return kmock.resource(kind.group, kind.version, kind.plural)


def _require_resource(request: kmock.Request) -> kmock.resource:
    if request.resource is None:
        raise kmock.KubernetesEndpointNotFoundError
    return request.resource
