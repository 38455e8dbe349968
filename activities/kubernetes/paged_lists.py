"""Lists of custom resources, page by page: bounded, and with classified errors.

Lists are consistent reads (no `resourceVersion`). A kind that the API does not serve belongs to another Hedgehog
release; an empty kind is something else. Every other failure of any page fails the whole list.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, Protocol

from kubernetes.client.exceptions import ApiException
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from activities.errors import (
    NoResponseError,
    PermanentError,
    TransientError,
    classify,
    classify_status,
)
from activities.kubernetes.clients import JSON_MEDIA_TYPE, KubernetesClient
from activities.parsing import PARSING
from fabrics.record.config import KubernetesTarget
from fabrics.resources.kinds import Kind
from settings import Settings

CHUNK_BYTES: Final = 1024 * 1024

MAX_LIST_ATTEMPTS: Final = 3
"""How often a list may start, since its continue token can expire (HTTP 410)."""


class ForbiddenError(PermanentError):
    """The API does not allow listing a kind."""


class Page(Protocol):
    """One parsed page; its token is empty if it is the last one."""

    @property
    def continue_token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PagedList[P: Page]:
    """How to read the list of a kind.

    `parse` turns a body into a page, and raises `ValueError` if it is none. `role` is the file of the ClusterRole
    that allows the list.
    """

    kind: Kind
    parse: Callable[[bytes], P]
    role: str
    page_size: int
    max_pages: int
    max_page_bytes: int
    media_type: str = JSON_MEDIA_TYPE
    parameters: Mapping[str, str] = field(default_factory=dict)


class _ContinueTokenExpiredError(Exception):
    """The rest of a list is no longer available."""


class _NotServedError(Exception):
    """The API has no such kind."""


@dataclass(frozen=True)
class ListReader:
    """Reads lists of one fabric's API."""

    client: KubernetesClient
    target: KubernetesTarget
    settings: Settings

    @property
    def name(self) -> str:
        return f"The Kubernetes API at {self.target.server}"

    def read[P: Page](self, wanted: PagedList[P]) -> tuple[P, ...] | None:
        """Return all pages of a list; None if the API does not serve the kind.

        Raises `TransientError` and `PermanentError`; `ForbiddenError` if the list is not allowed.
        """
        for _ in range(MAX_LIST_ATTEMPTS):
            try:
                return self._read_pages(wanted)
            except _NotServedError:
                return None
            except _ContinueTokenExpiredError:
                continue
        raise TransientError(
            f"{self.name} changes faster than its {wanted.kind.plural} can be listed."
        )

    def _read_pages[P: Page](self, wanted: PagedList[P]) -> tuple[P, ...]:
        pages: list[P] = []
        token = ""
        for _ in range(wanted.max_pages):
            page = self._fetch_page(wanted, token)
            pages.append(page)
            if not page.continue_token:
                return tuple(pages)
            token = page.continue_token
        limit = wanted.max_pages * wanted.page_size
        raise PermanentError(f"{self.name} has more than {limit} {wanted.kind.plural}.")

    def _fetch_page[P: Page](self, wanted: PagedList[P], continue_token: str) -> P:
        kind = wanted.kind
        path = f"/apis/{kind.api_version}/namespaces/{self.target.namespace}/{kind.plural}"
        parameters = {"limit": str(wanted.page_size), **wanted.parameters}
        if continue_token:
            parameters["continue"] = continue_token
        timeouts = self.settings.connect_timeout, self.settings.read_timeout
        try:
            with closing(
                self.client.get(path, parameters, timeouts, wanted.media_type)
            ) as response:
                body = self._read_body(response, wanted.max_page_bytes)
        except (ApiException, HTTPError, OSError) as error:
            raise classify(error, self.name) from error
        if response.status != 200:
            raise self._classify_failure(response, wanted, continue_token)
        return self._parse(wanted, body)

    def _read_body(self, response: HTTPResponse, max_bytes: int) -> bytes:
        """Read the whole body, unless it is slower or larger than any real one."""
        deadline = time.monotonic() + self.settings.read_timeout
        body = bytearray()
        while chunk := response.read1(CHUNK_BYTES):
            body += chunk
            if time.monotonic() > deadline:
                raise NoResponseError(f"{self.name} responds too slowly.")
            if len(body) > max_bytes:
                raise PermanentError(f"{self.name} sent more than {max_bytes >> 20} MB.")
        return bytes(body)

    def _parse[P: Page](self, wanted: PagedList[P], body: bytes) -> P:
        try:
            with PARSING:
                return wanted.parse(body)
        except ValueError as error:
            raise PermanentError(
                f"{self.name} does not list {wanted.kind.plural} as a Kubernetes API does. Check hh_kubernetes_server."
            ) from error

    def _classify_failure[P: Page](
        self, response: HTTPResponse, wanted: PagedList[P], continue_token: str
    ) -> Exception:
        match response.status:
            case 404 if not continue_token:
                return _NotServedError()
            case 404:
                return TransientError(
                    f"{self.name} stopped serving {wanted.kind.plural} during a list."
                )
            case 410 if continue_token:
                return _ContinueTokenExpiredError()
            case 401 | 403 as status:
                error_type = ForbiddenError if status == 403 else PermanentError
                refusal = self._describe_refusal(status, wanted)
                return error_type(f"{self.name} {refusal} (HTTP {status}).")
            case status if 300 <= status < 400:
                return PermanentError(
                    f"{self.name} redirects elsewhere (HTTP {status}): hh_kubernetes_server must be the API itself."
                )
        return classify_status(
            self.name, response.status, retry_after=response.headers.get("Retry-After")
        )

    def _describe_refusal[P: Page](self, status: int, wanted: PagedList[P]) -> str:
        credential = self.client.access.credential
        if not credential:
            folder = f"a folder {self.target.credential} with a token or a kubeconfig"
            return f"requires a credential, and the worker has none: it needs {folder}"
        if status == 401:
            return f"refused the credential {credential}: renew its token"
        return (
            f"does not let the credential {credential} list {wanted.kind.plural}.{wanted.kind.group} in the"
            f" namespace {self.target.namespace}: bind {wanted.role} to it"
        )
