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

from activities.errors import PermanentError, TransientError, Unanswered, classify
from activities.kubernetes.access import KubernetesAccess, kubernetes_access
from fabrics.drift import Live
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import ALL_KINDS, KINDS, SWITCH_PROFILE, Kind, kind_named
from fabrics.resources.list_response import Page, read_page
from fabrics.resources.resource import Resource, digest
from settings import Settings

PAGE: Final = 500
"""Objects a page: kubectl's default."""

MAX_PAGES: Final = 400
MAX_PAGE_BYTES: Final = 128 * 1024 * 1024
CHUNK: Final = 1024 * 1024

KEPT_OBJECTS: Final = 100_000
"""Objects of all fabrics that stay in memory, some 3 KB each."""

BEGINNINGS: Final = 3
"""How often a list may begin because its continue token expired (HTTP 410)."""


class LiveStates:
    """Reads the live states of many fabrics. Threads may share it.

    An object that has not changed since the last reading (same uid, same resource version) is not
    looked into again.
    """

    def __init__(self) -> None:
        self._last: LRUCache[KubernetesTarget, Live] = LRUCache(KEPT_OBJECTS, _weight)
        self._lock = Lock()

    def last(self, target: KubernetesTarget, wanted: str) -> Live | None:
        """The last reading, if it is that whose digest is `wanted`."""
        with self._lock:
            last = self._last.get(target)
        if last is None:
            return None
        found = digest(each for resources in last.resources.values() for each in resources)
        return last if found == wanted else None

    def read(self, target: KubernetesTarget, settings: Settings) -> Live:
        """All objects that `read_live` reads. Raises `TransientError` and `PermanentError`."""
        with self._lock:
            last = self._last.get(target)
        live = read_live(target, settings, _by_uid(last))
        if _weight(live) <= KEPT_OBJECTS:
            with self._lock:
                self._last[target] = live
        return live


def read_live(
    target: KubernetesTarget, settings: Settings, known: Mapping[str, Resource] | None = None
) -> Live:
    """One reading: all objects of the compared kinds, and the profiles of the switches among them.

    `known` are resources of an earlier one by uid. Raises `TransientError` and `PermanentError`.
    """
    access = kubernetes_access(
        settings.credentials_dir, target, allow_exec=settings.kubernetes_allow_exec
    )
    with ApiClient(access.configuration) as client:
        client.user_agent = "fabric-sync"
        reader = _Reader(CustomObjectsApi(client), target, access, settings, known or {})
        found = {kind: reader.objects(kind) for kind in KINDS}
        found |= reader.profiles(_profiles_named(found[kind_named("Switch")] or ()))
    served = {kind: resources for kind, resources in found.items() if resources is not None}
    if not served.keys() & ALL_KINDS:
        raise PermanentError(
            f"{reader.who} serves none of the Hedgehog kinds: it is no fabric's API, or Hedgehog is"
            " not installed there. Check hh_kubernetes_server."
        )
    return Live(served, not_served=frozenset(found.keys() - served.keys()))


def _profiles_named(switches: Iterable[Resource]) -> frozenset[str]:
    named = (switch.spec.get("profile") for switch in switches)
    return frozenset(name for name in named if isinstance(name, str))


def _by_uid(live: Live | None) -> dict[str, Resource]:
    found = live.resources.values() if live else ()
    return {each.uid: each for resources in found for each in resources}


def _weight(live: Live) -> int:
    return 1 + sum(map(len, live.resources.values()))


class _ExpiredError(Exception):
    """The rest of a list is no longer to be had."""


class _NotServedError(Exception):
    """The API has no such kind."""


class _RefusedError(PermanentError):
    """The API does not let us list a kind."""


@dataclass(frozen=True)
class _Reader:
    """Lists of one API."""

    api: CustomObjectsApi
    target: KubernetesTarget
    access: KubernetesAccess
    settings: Settings
    known: Mapping[str, Resource]

    @property
    def who(self) -> str:
        return f"The Kubernetes API at {self.target.server}"

    def profiles(self, names: Collection[str]) -> dict[Kind, tuple[Resource, ...] | None]:
        """The profiles of these names; nothing where the account may not list them."""
        try:
            return {SWITCH_PROFILE: self.objects(SWITCH_PROFILE, names)}
        except _RefusedError:
            return {}

    def objects(
        self, kind: Kind, names: Collection[str] | None = None
    ) -> tuple[Resource, ...] | None:
        """The objects of a kind, or those of these `names`; None when the API does not serve it."""
        for _ in range(BEGINNINGS):
            try:
                return self._pages(kind, names)
            except _NotServedError:
                return None
            except _ExpiredError:
                continue
        raise TransientError(f"{self.who} changes faster than its {kind.plural} can be listed.")

    def _pages(self, kind: Kind, names: Collection[str] | None) -> tuple[Resource, ...]:
        resources: list[Resource] = []
        token = ""
        for _ in range(MAX_PAGES):
            page = self._page(kind, token)
            resources += self._resources(kind, page, names)
            if not page.token:
                return tuple(resources)
            token = page.token
        raise PermanentError(f"{self.who} has more than {MAX_PAGES * PAGE} {kind.plural}.")

    def _page(self, kind: Kind, token: str) -> Page:
        try:
            response = self.api.list_namespaced_custom_object(
                kind.group,
                kind.version,
                self.target.namespace,
                kind.plural,
                limit=PAGE,
                _continue=token or None,
                _preload_content=False,  # decoded here, several times faster than by the client
                _request_timeout=(self.settings.connect_timeout, self.settings.read_timeout),
            )
            with closing(cast(HTTPResponse, response)) as answer:
                return self._decode(self._body(answer))
        except ApiException as error:
            raise self._failure(error, kind, token) from error
        except (HTTPError, OSError) as error:
            raise classify(error, self.who) from error

    def _body(self, response: HTTPResponse) -> bytes:
        """The whole answer, as long as it is neither slower nor larger than any real one."""
        deadline = time.monotonic() + self.settings.read_timeout
        body = bytearray()
        while chunk := response.read1(CHUNK):
            body += chunk
            if time.monotonic() > deadline:
                raise Unanswered(f"{self.who} answers too slowly.")
            if len(body) > MAX_PAGE_BYTES:
                raise PermanentError(f"{self.who} sent more than a page may hold.")
        return bytes(body)

    def _decode(self, body: bytes) -> Page:
        try:
            return read_page(body)
        except ValueError as error:
            raise PermanentError(
                f"{self.who} does not answer as a Kubernetes API does. Check hh_kubernetes_server."
            ) from error

    def _resources(
        self, kind: Kind, page: Page, names: Collection[str] | None
    ) -> tuple[Resource, ...]:
        try:
            return page.resources(kind, self.known, names)
        except ValueError as error:
            raise PermanentError(f"{self.who} returned a {kind.name} that is none.") from error

    def _failure(self, error: ApiException, kind: Kind, token: str) -> Exception:
        match error.status:
            case 404 if not token:
                return _NotServedError()
            case 404:
                return TransientError(f"{self.who} stopped serving {kind.plural} during a list.")
            case 410 if token:
                return _ExpiredError()
            case 401 | 403 as status:
                refused = _RefusedError if status == 403 else PermanentError
                return refused(f"{self.who} {self._refusal(status, kind)} (HTTP {status}).")
            case status if status and 300 <= status < 400:
                return PermanentError(
                    f"{self.who} redirects elsewhere (HTTP {status}): hh_kubernetes_server must be"
                    " the API itself."
                )
        return classify(error, self.who)

    def _refusal(self, status: int, kind: Kind) -> str:
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
