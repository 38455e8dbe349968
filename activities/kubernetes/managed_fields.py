"""Reads of who has written the fields of drifted objects.

Lists of whole kinds drop managed fields, which are as large as the objects themselves. So those of an object that has
drifted are read with the object alone, once for each of its versions. Nothing here fails a sync: what cannot be read
soon is not known.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from operator import attrgetter
from threading import Lock
from typing import Final

from cachetools import LRUCache

from activities.errors import PermanentError, TransientError
from activities.kubernetes.paged_lists import CLUSTER_ROLE
from activities.kubernetes.requests import ApiRequests
from activities.parsing import PARSING
from fabrics.resources.api_json import OBJECT_LIMITS, TooLargeError
from fabrics.resources.managed_fields import ManagedFields, ObjectVersion, parse_managed_fields
from fabrics.resources.resource import Resource, ResourceKey

MAX_SECONDS: Final = 5.0
"""For all requests of a reading together: a sync has more to do."""

MAX_CACHED_BYTES: Final = 20_000_000
"""Memory of the managed fields of all fabrics, some 10 KB for each object that has drifted."""

UNKNOWN_AUTHORS: Final = "Who changed drifted objects is not known: %s"

log = logging.getLogger("fabric_sync.kubernetes")


class ManagedFieldsCache:
    """Reads and caches managed fields. Threads may share it."""

    def __init__(self) -> None:
        self._cache: LRUCache[ObjectVersion, ManagedFields] = LRUCache(
            MAX_CACHED_BYTES, attrgetter("size")
        )
        self._lock = Lock()

    def read(
        self,
        resources: Collection[Resource],
        open_requests: Callable[[], AbstractContextManager[ApiRequests]],
    ) -> dict[ResourceKey, ManagedFields]:
        """Return what is known of the managed fields of these versions of objects."""
        known = {resource.key: self._get_cached(resource) for resource in resources}
        missing = [resource for resource in resources if known[resource.key] is None]
        for resource, managed in _read_objects(missing, open_requests):
            known[resource.key] = managed
            if managed.size <= MAX_CACHED_BYTES:
                with self._lock:
                    self._cache[resource.version] = managed
        return {key: managed for key, managed in known.items() if managed}

    def _get_cached(self, resource: Resource) -> ManagedFields | None:
        with self._lock:
            return self._cache.get(resource.version)


def _read_objects(
    resources: Iterable[Resource], open_requests: Callable[[], AbstractContextManager[ApiRequests]]
) -> Iterator[tuple[Resource, ManagedFields]]:
    """Yield what can be read of objects of known kinds, until a request fails."""
    listed = [resource for resource in resources if resource.kind.is_known]
    if not listed:
        return
    try:
        with open_requests() as requests:
            requests.budget.seconds_left = MAX_SECONDS
            for resource in listed:
                managed = _read_object(requests, resource)
                if managed is not None:
                    yield resource, managed
    except (TransientError, PermanentError) as error:
        log.info(UNKNOWN_AUTHORS, error)


def _read_object(requests: ApiRequests, resource: Resource) -> ManagedFields | None:
    """Return an object's managed fields; None if it has changed or is unusable."""
    kind = resource.kind
    body = requests.get(
        f"/apis/{kind.api_version}/namespaces/{requests.target.namespace}/{kind.plural}",
        {"fieldSelector": f"metadata.name={resource.name}"},
        f"{kind.plural}.{kind.group}",
        role=CLUSTER_ROLE,
        max_bytes=OBJECT_LIMITS.size,
    )
    try:
        with PARSING:
            return parse_managed_fields(body).get(resource.version)
    except ValueError:
        log.info(UNKNOWN_AUTHORS, requests.invalid_response_error())
    except TooLargeError:
        log.info(UNKNOWN_AUTHORS, requests.too_large_error())
    return None
