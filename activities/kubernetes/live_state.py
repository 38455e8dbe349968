"""Reading a fabric's live state from its Kubernetes API: one paged list a kind, all or nothing.

A kind that the API does not serve belongs to another Hedgehog release and is told apart. Every other
failure, on whichever page of whichever list, fails the whole reading: what was not seen must never
pass for deleted. Lists are consistent reads (no `resourceVersion`), since drift is decided on them.

The profiles of switches are no part of what is compared, but the inventory follows from them. They
may be refused. Of the two dozen that a release brings, those that a switch names are kept.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from typing import Final, cast

from cachetools import LRUCache
from kubernetes.client import ApiClient, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from activities.errors import NoResponseError, PermanentError, TransientError, classify
from activities.kubernetes.access import KubernetesAccess, load_kubernetes_access
from fabrics.drift import LiveState
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import (
    ALL_COMPARED_KINDS,
    COMPARED_KINDS,
    SWITCH_PROFILE,
    Kind,
    get_kind,
)
from fabrics.resources.list_response import ListResponse, parse_list_response
from fabrics.resources.resource import Resource, digest_resources
from settings import Settings

PAGE_SIZE: Final = 500
"""Objects a page: kubectl's default."""

MAX_PAGES: Final = 400
MAX_PAGE_BYTES: Final = 128 * 1024 * 1024
CHUNK_BYTES: Final = 1024 * 1024

MAX_CACHED_OBJECTS: Final = 100_000
"""Objects of all fabrics that stay in memory, some 3 KB each."""

MAX_LIST_ATTEMPTS: Final = 3
"""How often a list may begin because its continue token expired (HTTP 410)."""


class LiveStateCache:
    """Reads the live states of many fabrics. Threads may share it.

    An object that has not changed since the last reading (same uid, same resource version) is not
    looked into again.
    """

    def __init__(self) -> None:
        self._cache: LRUCache[KubernetesTarget, LiveState] = LRUCache(MAX_CACHED_OBJECTS, _weight)
        self._lock = Lock()

    def get_cached(self, target: KubernetesTarget, expected_digest: str) -> LiveState | None:
        """The last reading, if it is that whose digest is `wanted`."""
        with self._lock:
            last = self._cache.get(target)
        if last is None:
            return None
        found = digest_resources(
            each for resources in last.resources.values() for each in resources
        )
        return last if found == expected_digest else None

    def read(self, target: KubernetesTarget, settings: Settings) -> LiveState:
        """All objects that `read_live_state` reads. Raises `TransientError` and `PermanentError`."""
        with self._lock:
            last = self._cache.get(target)
        live = read_live_state(target, settings, _index_by_uid(last))
        if _weight(live) <= MAX_CACHED_OBJECTS:
            with self._lock:
                self._cache[target] = live
        return live


def read_live_state(
    target: KubernetesTarget,
    settings: Settings,
    cached_by_uid: Mapping[str, Resource] | None = None,
) -> LiveState:
    """One reading: all objects of the compared kinds, and the profiles of the switches among them.

    `known` are resources of an earlier one by uid. Raises `TransientError` and `PermanentError`.
    """
    access = load_kubernetes_access(
        settings.credentials_dir, target, allow_exec=settings.kubernetes_allow_exec
    )
    with ApiClient(access.configuration) as client:
        client.user_agent = "fabric-sync"
        reader = _ResourceReader(
            CustomObjectsApi(client), target, access, settings, cached_by_uid or {}
        )
        found = {kind: reader.list_objects(kind) for kind in COMPARED_KINDS}
        found |= reader.list_profiles(_get_profile_names(found[get_kind("Switch")] or ()))
    served = {kind: resources for kind, resources in found.items() if resources is not None}
    if not served.keys() & ALL_COMPARED_KINDS:
        raise PermanentError(
            f"{reader.display_name} serves none of the Hedgehog kinds: it is no fabric's API, or Hedgehog is"
            " not installed there. Check hh_kubernetes_server."
        )
    return LiveState(served, unserved_kinds=frozenset(found.keys() - served.keys()))


def _get_profile_names(switches: Iterable[Resource]) -> frozenset[str]:
    named = (switch.spec.get("profile") for switch in switches)
    return frozenset(name for name in named if isinstance(name, str))


def _index_by_uid(live: LiveState | None) -> dict[str, Resource]:
    found = live.resources.values() if live else ()
    return {each.uid: each for resources in found for each in resources}


def _weight(live: LiveState) -> int:
    return 1 + sum(map(len, live.resources.values()))


class _ContinueTokenExpiredError(Exception):
    """The rest of a list is no longer to be had."""


class _NotServedError(Exception):
    """The API has no such kind."""


class _ForbiddenError(PermanentError):
    """The API does not let us list a kind."""


@dataclass(frozen=True)
class _ResourceReader:
    """Lists of one API."""

    api: CustomObjectsApi
    target: KubernetesTarget
    access: KubernetesAccess
    settings: Settings
    cached_by_uid: Mapping[str, Resource]

    @property
    def display_name(self) -> str:
        return f"The Kubernetes API at {self.target.server}"

    def list_profiles(self, names: Collection[str]) -> dict[Kind, tuple[Resource, ...] | None]:
        """The profiles of these names; nothing where the account may not list them."""
        try:
            return {SWITCH_PROFILE: self.list_objects(SWITCH_PROFILE, names)}
        except _ForbiddenError:
            return {}

    def list_objects(
        self, kind: Kind, names: Collection[str] | None = None
    ) -> tuple[Resource, ...] | None:
        """The objects of a kind, or those of these `names`; None when the API does not serve it."""
        for _ in range(MAX_LIST_ATTEMPTS):
            try:
                return self._read_pages(kind, names)
            except _NotServedError:
                return None
            except _ContinueTokenExpiredError:
                continue
        raise TransientError(
            f"{self.display_name} changes faster than its {kind.plural} can be listed."
        )

    def _read_pages(self, kind: Kind, names: Collection[str] | None) -> tuple[Resource, ...]:
        resources: list[Resource] = []
        token = ""
        for _ in range(MAX_PAGES):
            page = self._fetch_page(kind, token)
            resources += self._parse_resources(kind, page, names)
            if not page.continue_token:
                return tuple(resources)
            token = page.continue_token
        raise PermanentError(
            f"{self.display_name} has more than {MAX_PAGES * PAGE_SIZE} {kind.plural}."
        )

    def _fetch_page(self, kind: Kind, continue_token: str) -> ListResponse:
        try:
            response = self.api.list_namespaced_custom_object(
                kind.group,
                kind.version,
                self.target.namespace,
                kind.plural,
                limit=PAGE_SIZE,
                _continue=continue_token or None,
                _preload_content=False,  # decoded here, several times faster than by the client
                _request_timeout=(self.settings.connect_timeout, self.settings.read_timeout),
            )
            with closing(cast(HTTPResponse, response)) as answer:
                return self._parse_page(self._read_body(answer))
        except ApiException as error:
            raise self._classify_failure(error, kind, continue_token) from error
        except (HTTPError, OSError) as error:
            raise classify(error, self.display_name) from error

    def _read_body(self, response: HTTPResponse) -> bytes:
        """The whole answer, as long as it is neither slower nor larger than any real one."""
        deadline = time.monotonic() + self.settings.read_timeout
        body = bytearray()
        while chunk := response.read1(CHUNK_BYTES):
            body += chunk
            if time.monotonic() > deadline:
                raise NoResponseError(f"{self.display_name} answers too slowly.")
            if len(body) > MAX_PAGE_BYTES:
                raise PermanentError(f"{self.display_name} sent more than a page may hold.")
        return bytes(body)

    def _parse_page(self, body: bytes) -> ListResponse:
        try:
            return parse_list_response(body)
        except ValueError as error:
            raise PermanentError(
                f"{self.display_name} does not answer as a Kubernetes API does. Check hh_kubernetes_server."
            ) from error

    def _parse_resources(
        self, kind: Kind, page: ListResponse, names: Collection[str] | None
    ) -> tuple[Resource, ...]:
        try:
            return page.parse_resources(kind, self.cached_by_uid, names)
        except ValueError as error:
            raise PermanentError(
                f"{self.display_name} returned a {kind.name} that is none."
            ) from error

    def _classify_failure(self, error: ApiException, kind: Kind, continue_token: str) -> Exception:
        match error.status:
            case 404 if not continue_token:
                return _NotServedError()
            case 404:
                return TransientError(
                    f"{self.display_name} stopped serving {kind.plural} during a list."
                )
            case 410 if continue_token:
                return _ContinueTokenExpiredError()
            case 401 | 403 as status:
                refused = _ForbiddenError if status == 403 else PermanentError
                return refused(
                    f"{self.display_name} {self._describe_refusal(status, kind)} (HTTP {status})."
                )
            case status if status and 300 <= status < 400:
                return PermanentError(
                    f"{self.display_name} redirects elsewhere (HTTP {status}): hh_kubernetes_server must be"
                    " the API itself."
                )
        return classify(error, self.display_name)

    def _describe_refusal(self, status: int, kind: Kind) -> str:
        name = self.access.credential
        if not name:
            wanted = f"a folder {self.target.credential} with a token or a kubeconfig"
            return f"asks for credentials, and the worker has none: it needs {wanted}"
        if status == 401:
            return f"refused the credential {name}: renew its token"
        return (
            f"does not let the credential {name} list {kind.plural}.{kind.group} in the namespace"
            f" {self.target.namespace}: bind deploy/clusterrole.yaml to it"
        )
