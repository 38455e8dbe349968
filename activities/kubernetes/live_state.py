"""Read a fabric's live state: one paged list per kind, all or nothing.

A kind that the API does not serve belongs to another Hedgehog release; an empty kind is something else. Every
other failure of any page fails the whole read, since objects that were not read must never count as deleted.
Lists are consistent reads (no `resourceVersion`), since they decide on drift.

Switch profiles are not compared, but the inventory uses them, if the API lets them be listed. Of the two dozen
in a release only those that a switch names are kept.

Kinds that this version does not know are read where Git defines some, after both sources have been read.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby, islice
from operator import attrgetter
from threading import Lock
from typing import Final, NamedTuple

from cachetools import LRUCache, TTLCache

from activities.errors import PermanentError
from activities.kubernetes.access import load_kubernetes_access
from activities.kubernetes.clients import ClientCache, KubernetesClient
from activities.kubernetes.discovery import find_served_kinds
from activities.kubernetes.managed_fields import ManagedFieldsCache
from activities.kubernetes.paged_lists import PagedList, read_pages
from activities.kubernetes.refusals import Refusals
from activities.kubernetes.requests import ApiRequests, ForbiddenError
from activities.parsing import PARSING
from fabrics.drift.model import ListOutcome, LiveState, UnknownKindObjects, digest_live_state
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import COMPARED_KINDS, LATER_KINDS, SWITCH_PROFILE, Kind, get_kind
from fabrics.resources.list_response import parse_list_response
from fabrics.resources.managed_fields import ManagedFields
from fabrics.resources.resource import Resource, ResourceKey
from settings import Settings

MAX_CACHED_BYTES: Final = 300_000_000
"""Memory of the objects of all fabrics that are kept, some 3 KB each."""

LATER_KINDS_INTERVAL: Final = 300
"""Seconds until an API that does not serve a later kind is asked for it again: it has to be upgraded first."""

MAX_APIS: Final = 100_000
"""APIs of which it is remembered that they do not serve later kinds."""

MAX_UNKNOWN_KINDS: Final = 20
"""Kinds in Git, unknown to this version, that are listed. A release adds one or two."""


class LiveStateCache:
    """Reads and caches the live states of many fabrics. Threads may share it.

    Objects that have not changed since the last read (same uid and resource version) are not parsed again.
    Connections are kept as `ClientCache` describes.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """Make an empty cache; `timer` returns seconds."""
        self._clients = ClientCache()
        self._refusals = Refusals(timer)
        self._managed_fields = ManagedFieldsCache()
        self._cache: LRUCache[KubernetesTarget, LiveState] = LRUCache(MAX_CACHED_BYTES, _weight)
        self._without_kinds: TTLCache[KubernetesTarget, frozenset[Kind]] = TTLCache(
            MAX_APIS, LATER_KINDS_INTERVAL, timer
        )
        self._lock = Lock()

    def get_cached(self, target: KubernetesTarget) -> LiveState | None:
        """Return the live state that was read last, if it is still known."""
        with self._lock:
            return self._cache.get(target)

    def get_observed(
        self,
        target: KubernetesTarget,
        settings: Settings,
        digest: str,
        select: Callable[[LiveState], LiveState],
    ) -> LiveState:
        """Return the live state of this digest, or read it if another worker observed it.

        `select` leaves out the objects of other fabrics; the digest is that of the rest. Raises errors as `read` does.
        """
        if cached := self.get_cached(target):
            with PARSING:
                observed = select(cached)
            if digest_live_state(observed) == digest:
                return observed
        live = self.read(target, settings)
        with PARSING:
            return select(live)

    def read(
        self, target: KubernetesTarget, settings: Settings, expected: Collection[Kind] = LATER_KINDS
    ) -> LiveState:
        """Read the live state as `read_live_state` does. Raises the same errors.

        Kinds that this API did not serve a short time ago are not asked for again, unless they are `expected`. An API
        that had too much is not asked at all for a while.
        """
        with self._lock:
            last, unserved = self._cache.get(target), self._without_kinds.get(target, frozenset())
        skipped = unserved.difference(expected)
        with self._refusals.limiting(target), self.open_requests(target, settings) as requests:
            live = _Reader(requests, _index_by_uid(last)).read(skipped)
        if not skipped:
            with self._lock:
                self._without_kinds[target] = live.unserved_kinds & LATER_KINDS
        if _weight(live) <= MAX_CACHED_BYTES:
            with self._lock:
                self._cache[target] = live
        return live

    @contextmanager
    def open_requests(self, target: KubernetesTarget, settings: Settings) -> Iterator[ApiRequests]:
        """Yield requests over a kept connection. Raises errors of the credential."""
        with self._clients.client(target, settings) as client:
            yield ApiRequests(client, target, settings)

    def read_unknown_kinds(
        self, target: KubernetesTarget, settings: Settings, kinds: Iterable[Kind]
    ) -> dict[Kind, UnknownKindObjects]:
        """Read all objects of kinds that this version does not know; they are not cached.

        A kind that may not be listed is no error; otherwise raises errors as `read` does.
        """
        with self.open_requests(target, settings) as requests:
            return _Reader(requests, {}).read_unknown_kinds(kinds)

    def read_managed_fields(
        self, target: KubernetesTarget, settings: Settings, resources: Iterable[Resource]
    ) -> dict[ResourceKey, ManagedFields]:
        """Return who has written the fields of these objects, as far as it is known."""
        open_requests = partial(self.open_requests, target, settings)
        return self._managed_fields.read(tuple(resources), open_requests)


def read_live_state(target: KubernetesTarget, settings: Settings) -> LiveState:
    """Read all objects of the compared kinds, and the profiles of the switches.

    Connects anew. Raises `TransientError` and `PermanentError`.
    """
    access = load_kubernetes_access(target, settings)
    with closing(KubernetesClient.open(access)) as client:
        return _Reader(ApiRequests(client, target, settings), {}).read(frozenset())


def _get_profile_names(switches: Iterable[Resource]) -> frozenset[str]:
    names = (switch.spec.get("profile") for switch in switches)
    return frozenset(name for name in names if isinstance(name, str))


def _index_by_uid(live: LiveState | None) -> dict[str, Resource]:
    resources = chain(*live.resources.values()) if live else ()
    return {resource.uid: resource for resource in resources}


def _weight(live: LiveState) -> int:
    """Return about how many bytes of memory a live state takes."""
    resources = chain.from_iterable(live.resources.values())
    return 1 + sum(resource.size for resource in resources)


_FORBIDDEN = UnknownKindObjects(outcome=ListOutcome.FORBIDDEN)
_NOT_SERVED = UnknownKindObjects(outcome=ListOutcome.NOT_SERVED)


class _ResourcePage(NamedTuple):
    """The resources of one page of a list."""

    resources: tuple[Resource, ...]
    continue_token: str

    @property
    def size(self) -> int:
        """About how much memory it takes, in bytes."""
        return sum(resource.size for resource in self.resources)


@dataclass(frozen=True)
class _Reader:
    """Reads one API; `cached_by_uid` holds resources of an earlier read."""

    requests: ApiRequests
    cached_by_uid: Mapping[str, Resource]

    def read(self, unserved: Collection[Kind]) -> LiveState:
        """Read all kinds but those that are known to be `unserved`."""
        lists = {kind: None for kind in unserved} | self._list_compared_kinds(
            kind for kind in COMPARED_KINDS if kind not in unserved
        )
        lists |= self.list_profiles(_get_profile_names(lists[get_kind("Switch")] or ()))
        served = {kind: resources for kind, resources in lists.items() if resources is not None}
        if served.keys().isdisjoint(COMPARED_KINDS):
            raise PermanentError(
                f"{self.requests.name} serves none of the Hedgehog kinds: it is not the API of a fabric, or Hedgehog"
                " is not installed there. Check hh_kubernetes_server."
            )
        return LiveState(served, unserved_kinds=frozenset(lists.keys() - served.keys()))

    def _list_compared_kinds(
        self, kinds: Iterable[Kind]
    ) -> dict[Kind, tuple[Resource, ...] | None]:
        """List kinds; one of a later release that may not be listed is not read.

        An account may have the rights of an earlier ClusterRole, and its API none of these kinds.
        """
        lists: dict[Kind, tuple[Resource, ...] | None] = {}
        for kind in kinds:
            try:
                lists[kind] = self.list_objects(kind, kind)
            except ForbiddenError:
                if kind not in LATER_KINDS:
                    raise
        return lists

    def list_profiles(self, names: Collection[str]) -> dict[Kind, tuple[Resource, ...] | None]:
        """List the profiles of these names; nothing if the account may not list them."""
        try:
            return {SWITCH_PROFILE: self.list_objects(SWITCH_PROFILE, SWITCH_PROFILE, names)}
        except ForbiddenError:
            return {}

    def read_unknown_kinds(self, kinds: Iterable[Kind]) -> dict[Kind, UnknownKindObjects]:
        """Read kinds without a version or a plural; discovery tells these."""
        objects: dict[Kind, UnknownKindObjects] = {}
        wanted = islice(sorted(kinds), MAX_UNKNOWN_KINDS)
        for group, kinds_of_group in groupby(wanted, attrgetter("group")):
            by_name = {kind.name: kind for kind in kinds_of_group}
            try:
                served = find_served_kinds(self.requests, group, by_name)
            except ForbiddenError:
                objects |= dict.fromkeys(by_name.values(), _FORBIDDEN)
            else:
                for name, kind in by_name.items():
                    objects[kind] = (
                        self._list_unknown_kind(kind, served[name])
                        if name in served
                        else _NOT_SERVED
                    )
        return objects

    def _list_unknown_kind(self, kind: Kind, served: Kind | None) -> UnknownKindObjects:
        if served is None:
            return UnknownKindObjects(outcome=ListOutcome.NOT_READ)
        try:
            resources = self.list_objects(kind, served)
        except ForbiddenError:
            return _FORBIDDEN
        return _NOT_SERVED if resources is None else UnknownKindObjects(resources)

    def list_objects(
        self, kind: Kind, served: Kind, names: Collection[str] | None = None
    ) -> tuple[Resource, ...] | None:
        """List a kind's objects, or only `names`, as the API serves it.

        Returns None if the API does not serve it.
        """
        pages = read_pages(
            self.requests, PagedList(served, partial(self._parse_page, kind=kind, names=names))
        )
        return (
            None if pages is None else tuple(chain.from_iterable(page.resources for page in pages))
        )

    def _parse_page(self, body: bytes, kind: Kind, names: Collection[str] | None) -> _ResourcePage:
        page = parse_list_response(body)
        try:
            resources = page.parse_resources(
                kind, self.cached_by_uid, names, max_bytes=self.requests.budget.kept_bytes_left
            )
        except ValueError as error:
            raise PermanentError(
                f"{self.requests.name} returned an invalid {kind.name} object."
            ) from error
        return _ResourcePage(resources, page.continue_token)
