"""Read a fabric's live state: one paged list per kind, all or nothing.

A kind that the API does not serve belongs to another Hedgehog release; an empty kind is something else. Every
other failure of any page fails the whole read, since objects that were not read must never count as deleted.
Lists are consistent reads (no `resourceVersion`), since they decide on drift.

Switch profiles are not compared, but the inventory uses them, if the API lets them be listed. Of the two dozen
in a release only those that a switch names are kept.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from threading import Lock
from typing import Final

from cachetools import LRUCache
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from activities.errors import (
    NoResponseError,
    PermanentError,
    TransientError,
    classify,
    classify_status,
)
from activities.kubernetes.access import load_kubernetes_access
from activities.kubernetes.clients import ClientCache, KubernetesClient
from activities.parsing import PARSING
from fabrics.drift.model import LiveState
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import COMPARED_KINDS, SWITCH_PROFILE, Kind, get_kind
from fabrics.resources.list_response import ListResponse, parse_list_response
from fabrics.resources.resource import Resource, digest_resources
from settings import Settings

PAGE_SIZE: Final = 500
"""Objects per page: kubectl's default."""

MAX_PAGES: Final = 400
MAX_PAGE_BYTES: Final = 128 * 1024 * 1024
CHUNK_BYTES: Final = 1024 * 1024

MAX_CACHED_OBJECTS: Final = 100_000
"""Objects of all fabrics that stay in memory, some 3 KB each."""

MAX_LIST_ATTEMPTS: Final = 3
"""How often a list may start, since its continue token can expire (HTTP 410)."""


class LiveStateCache:
    """Reads and caches the live states of many fabrics. Threads may share it.

    Objects that have not changed since the last read (same uid and resource version) are not parsed again.
    Connections are kept as `ClientCache` describes.
    """

    def __init__(self) -> None:
        self._clients = ClientCache()
        self._cache: LRUCache[KubernetesTarget, LiveState] = LRUCache(MAX_CACHED_OBJECTS, _weight)
        self._lock = Lock()

    def get_cached(self, target: KubernetesTarget, expected_digest: str) -> LiveState | None:
        """Return the live state that was read last, if it has the expected digest."""
        with self._lock:
            live = self._cache.get(target)
        if live and digest_resources(chain(*live.resources.values())) == expected_digest:
            return live
        return None

    def read(self, target: KubernetesTarget, settings: Settings) -> LiveState:
        """Read the live state as `read_live_state` does. Raises the same errors."""
        with self._lock:
            last = self._cache.get(target)
        with self._clients.client(target, settings) as client:
            live = _Reader(client, target, settings, _index_by_uid(last)).read()
        if _weight(live) <= MAX_CACHED_OBJECTS:
            with self._lock:
                self._cache[target] = live
        return live


def read_live_state(target: KubernetesTarget, settings: Settings) -> LiveState:
    """Read all objects of the compared kinds, and the profiles of the switches.

    Connects anew. Raises `TransientError` and `PermanentError`.
    """
    access = load_kubernetes_access(target, settings)
    with closing(KubernetesClient.open(access)) as client:
        return _Reader(client, target, settings, {}).read()


def _get_profile_names(switches: Iterable[Resource]) -> frozenset[str]:
    names = (switch.spec.get("profile") for switch in switches)
    return frozenset(name for name in names if isinstance(name, str))


def _index_by_uid(live: LiveState | None) -> dict[str, Resource]:
    resources = chain(*live.resources.values()) if live else ()
    return {resource.uid: resource for resource in resources}


def _weight(live: LiveState) -> int:
    return 1 + sum(map(len, live.resources.values()))


class _ContinueTokenExpiredError(Exception):
    """The rest of a list is no longer available."""


class _NotServedError(Exception):
    """The API has no such kind."""


class _ForbiddenError(PermanentError):
    """The API does not allow listing a kind."""


@dataclass(frozen=True)
class _Reader:
    """Reads one API; `cached_by_uid` holds resources of an earlier read."""

    client: KubernetesClient
    target: KubernetesTarget
    settings: Settings
    cached_by_uid: Mapping[str, Resource]

    @property
    def name(self) -> str:
        return f"The Kubernetes API at {self.target.server}"

    def read(self) -> LiveState:
        lists = {kind: self.list_objects(kind) for kind in COMPARED_KINDS}
        lists |= self.list_profiles(_get_profile_names(lists[get_kind("Switch")] or ()))
        served = {kind: resources for kind, resources in lists.items() if resources is not None}
        if served.keys().isdisjoint(COMPARED_KINDS):
            raise PermanentError(
                f"{self.name} serves none of the Hedgehog kinds: it is not the API of a fabric, or Hedgehog is not"
                " installed there. Check hh_kubernetes_server."
            )
        return LiveState(served, unserved_kinds=frozenset(lists.keys() - served.keys()))

    def list_profiles(self, names: Collection[str]) -> dict[Kind, tuple[Resource, ...] | None]:
        """List the profiles of these names; nothing if the account may not list them."""
        try:
            return {SWITCH_PROFILE: self.list_objects(SWITCH_PROFILE, names)}
        except _ForbiddenError:
            return {}

    def list_objects(
        self, kind: Kind, names: Collection[str] | None = None
    ) -> tuple[Resource, ...] | None:
        """List a kind's objects, or only `names`; None if the API does not serve it."""
        for _ in range(MAX_LIST_ATTEMPTS):
            try:
                return self._read_pages(kind, names)
            except _NotServedError:
                return None
            except _ContinueTokenExpiredError:
                continue
        raise TransientError(f"{self.name} changes faster than its {kind.plural} can be listed.")

    def _read_pages(self, kind: Kind, names: Collection[str] | None) -> tuple[Resource, ...]:
        resources: list[Resource] = []
        token = ""
        for _ in range(MAX_PAGES):
            page = self._fetch_page(kind, token)
            resources += self._parse_resources(kind, page, names)
            if not page.continue_token:
                return tuple(resources)
            token = page.continue_token
        raise PermanentError(f"{self.name} has more than {MAX_PAGES * PAGE_SIZE} {kind.plural}.")

    def _fetch_page(self, kind: Kind, continue_token: str) -> ListResponse:
        parameters = {"limit": PAGE_SIZE} | ({"continue": continue_token} if continue_token else {})
        path = f"/apis/{kind.api_version}/namespaces/{self.target.namespace}/{kind.plural}"
        timeouts = self.settings.connect_timeout, self.settings.read_timeout
        try:
            with closing(self.client.get(path, parameters, timeouts)) as response:
                body = self._read_body(response)
        except (HTTPError, OSError) as error:
            raise classify(error, self.name) from error
        if response.status != 200:
            raise self._classify_failure(response, kind, continue_token)
        return self._parse_page(body)

    def _read_body(self, response: HTTPResponse) -> bytes:
        """Read the whole body, unless it is slower or larger than any real one."""
        deadline = time.monotonic() + self.settings.read_timeout
        body = bytearray()
        while chunk := response.read1(CHUNK_BYTES):
            body += chunk
            if time.monotonic() > deadline:
                raise NoResponseError(f"{self.name} responds too slowly.")
            if len(body) > MAX_PAGE_BYTES:
                raise PermanentError(f"{self.name} sent more than {MAX_PAGE_BYTES >> 20} MB.")
        return bytes(body)

    def _parse_page(self, body: bytes) -> ListResponse:
        try:
            with PARSING:
                return parse_list_response(body)
        except ValueError as error:
            raise PermanentError(
                f"{self.name} does not respond as a Kubernetes API does. Check hh_kubernetes_server."
            ) from error

    def _parse_resources(
        self, kind: Kind, page: ListResponse, names: Collection[str] | None
    ) -> tuple[Resource, ...]:
        try:
            with PARSING:
                return page.parse_resources(kind, self.cached_by_uid, names)
        except ValueError as error:
            raise PermanentError(f"{self.name} returned an invalid {kind.name} object.") from error

    def _classify_failure(
        self, response: HTTPResponse, kind: Kind, continue_token: str
    ) -> Exception:
        match response.status:
            case 404 if not continue_token:
                return _NotServedError()
            case 404:
                return TransientError(f"{self.name} stopped serving {kind.plural} during a list.")
            case 410 if continue_token:
                return _ContinueTokenExpiredError()
            case 401 | 403 as status:
                error_type = _ForbiddenError if status == 403 else PermanentError
                refusal = self._describe_refusal(status, kind)
                return error_type(f"{self.name} {refusal} (HTTP {status}).")
            case status if 300 <= status < 400:
                return PermanentError(
                    f"{self.name} redirects elsewhere (HTTP {status}): hh_kubernetes_server must be the API itself."
                )
        return classify_status(
            self.name, response.status, retry_after=response.headers.get("Retry-After")
        )

    def _describe_refusal(self, status: int, kind: Kind) -> str:
        credential = self.client.access.credential
        if not credential:
            folder = f"a folder {self.target.credential} with a token or a kubeconfig"
            return f"requires a credential, and the worker has none: it needs {folder}"
        if status == 401:
            return f"refused the credential {credential}: renew its token"
        return (
            f"does not let the credential {credential} list {kind.plural}.{kind.group} in the namespace"
            f" {self.target.namespace}: bind deploy/clusterrole.yaml to it"
        )
