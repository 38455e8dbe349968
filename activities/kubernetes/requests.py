"""Requests to one Kubernetes API: bounded bodies, and failures in words."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Final

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from activities.errors import (
    NoResponseError,
    OversizedError,
    PermanentError,
    TransientError,
    classify,
    classify_status,
)
from activities.kubernetes.budget import MAX_BYTES, MAX_KEPT_BYTES, ReadingBudget, limit_seconds
from activities.kubernetes.clients import JSON_MEDIA_TYPE, KubernetesClient
from activities.kubernetes.exec_plugins import EXEC_LOGINS
from activities.kubernetes.refusals import MAX_PAUSE_SECONDS
from fabrics.record.config import KubernetesTarget
from fabrics.resources.api_json import TooLargeError
from settings import Settings

MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""Bytes of one page: 64 KB for each of 500 objects, where most have two."""

CHUNK_BYTES: Final = 1024 * 1024


class NotFoundError(PermanentError):
    """The API does not serve this path (HTTP 404)."""


class GoneError(PermanentError):
    """The rest of a list is no longer available (HTTP 410)."""


class ForbiddenError(PermanentError):
    """The API does not allow this request (HTTP 403)."""


@dataclass(frozen=True)
class ApiRequests:
    """Sends the requests of one reading to the API of `target`."""

    client: KubernetesClient
    target: KubernetesTarget
    settings: Settings

    @property
    def name(self) -> str:
        """The API in sentences."""
        return f"The Kubernetes API at {self.target.server}"

    def get(  # noqa: PLR0913  one argument a property of the request
        self,
        path: str,
        parameters: Mapping[str, object],
        what: str,
        *,
        role: str,
        media_type: str = JSON_MEDIA_TYPE,
        max_bytes: int = MAX_BODY_BYTES,
    ) -> bytes:
        """Return the body of a successful response; `what` continues "may not list".

        `role` is the file of the ClusterRole that allows the request. Raises `TransientError` and
        `PermanentError`, of which `NotFoundError`, `GoneError` and `ForbiddenError` are told apart.
        """
        try:
            with self._measure_time() as seconds:
                timeouts = self.settings.connect_timeout, seconds
                with closing(self.client.get(path, parameters, timeouts, media_type)) as response:
                    body = self._read_body(response, max_bytes)
        except (HTTPError, OSError) as error:
            raise classify(error, self.name) from error
        if response.status != 200:
            raise self._classify_failure(
                response, what, role, is_next_page="continue" in parameters
            )
        return body

    def invalid_response_error(self) -> PermanentError:
        """Return the error for a body that is not what a Kubernetes API sends."""
        return PermanentError(
            f"{self.name} does not respond as a Kubernetes API does. Check hh_kubernetes_server."
        )

    def too_large_error(self) -> OversizedError:
        """Return the error for an API that has more than any fabric."""
        return self.oversized_error(
            f"has more than Fabric Sync reads of one fabric ({MAX_BYTES >> 20} MB in all, and"
            f" {MAX_KEPT_BYTES // 1_000_000} MB of memory)"
        )

    def oversized_error(self, what: str) -> OversizedError:
        """Return the error whose sentence goes on with `what` the API has or sends."""
        return OversizedError(
            f"{self.name} {what}. Check hh_kubernetes_server and hh_kubernetes_namespace; it is read again within"
            f" {MAX_PAUSE_SECONDS / 60:.0f} minutes."
        )

    @cached_property
    def budget(self) -> ReadingBudget:
        """What is left for this reading."""
        return ReadingBudget(limit_seconds(self.settings.read_timeout))

    @property
    def _credential(self) -> str:
        return self.client.access.credential

    @contextmanager
    def _measure_time(self) -> Iterator[float]:
        """Yield the seconds that a response may take; take its time from the budget.

        Only requests count: to wait for a turn to parse is not the fault of the API.
        """
        seconds_left = self.budget.seconds_left
        if seconds_left <= 0:
            raise NoResponseError(f"{self.name} takes too long to list everything.")
        started = time.monotonic()
        try:
            yield min(seconds_left, self.settings.read_timeout)
        finally:
            self.budget.seconds_left -= time.monotonic() - started

    def _read_body(self, response: HTTPResponse, max_bytes: int) -> bytes:
        """Read the whole body, unless it is larger than any real one."""
        body = BytesIO()
        while chunk := response.read1(CHUNK_BYTES):
            if body.write(chunk) and body.tell() > max_bytes:
                raise self.oversized_error(f"sent more than {max_bytes >> 20} MB")
        try:
            self.budget.receive(body.tell())
        except TooLargeError as error:
            raise self.too_large_error() from error
        return body.getvalue()  # without a copy

    def _classify_failure(
        self, response: HTTPResponse, what: str, role: str, *, is_next_page: bool
    ) -> Exception:
        match response.status:
            case 401 if self._may_log_in_again():
                return TransientError(
                    f"{self.name} refused what the program of the credential {self._credential} returned (HTTP 401):"
                    " it runs again."
                )
            case 401 | 403 as status:
                error_type = ForbiddenError if status == 403 else PermanentError
                refusal = self._describe_refusal(status, what, role)
                return error_type(f"{self.name} {refusal} (HTTP {status}).")
            case 404:
                return NotFoundError(f"{self.name} does not serve {what} (HTTP 404).")
            case 410 if is_next_page:
                return GoneError(f"{self.name} no longer has {what} (HTTP 410).")
            case status if 300 <= status < 400:
                return PermanentError(
                    f"{self.name} redirects elsewhere (HTTP {status}): hh_kubernetes_server must be the API itself."
                )
        return classify_status(
            self.name, response.status, retry_after=response.headers.get("Retry-After")
        )

    def _may_log_in_again(self) -> bool:
        login = self.client.access.login
        folder = self.settings.credentials_dir / self._credential
        return login is not None and EXEC_LOGINS.forget(folder, login)

    def _describe_refusal(self, status: int, what: str, role: str) -> str:
        credential = self._credential
        if not credential:
            folder = self.settings.credentials_dir / self.target.credential
            return (
                "requires a credential, and the worker has none: put a kubeconfig, or token, server and ca.crt, into"
                f" its folder {folder}"
            )
        if status == 401:
            return f"refused the credential {credential}: renew its token, or check its kubeconfig with kubectl"
        return (
            f"does not let the credential {credential} list {what} in the namespace"
            f" {self.target.namespace}: bind {role} to it"
        )
