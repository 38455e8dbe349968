"""HTTP sessions for NetBox with limits, and NetBox's errors as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any, Final, override
from urllib.parse import urlsplit

import requests
from pynetbox.core.query import AllocationError, ContentError, RequestError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.sessions import SessionRedirectMixin
from urllib3 import ProxyManager, Timeout
from urllib3.exceptions import ProtocolError

from activities.connections import use_total_timeouts
from activities.errors import (
    ClassifiedError,
    PermanentError,
    TransientError,
    classify,
    classify_status,
    one_line,
)
from activities.secrets.sources import REDACTED, SecretSource

MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""Bytes of one answer: that of a page of 500 large records has a few."""

CHUNK_BYTES: Final = 64 * 1024

NON_FIELD_KEYS: Final = ("detail", "__all__", "non_field_errors", "custom_fields", "errors")
"""Keys of NetBox's error bodies that name no field."""


class PreconditionFailed(TransientError):
    """Somebody else changed the object since it was read (HTTP 412)."""


class BadRequest(PermanentError):
    """NetBox rejects the values (HTTP 400) and says why."""


class NotFound(PermanentError):
    """The object does not exist, or this user may not see it (HTTP 404)."""


class InUse(PermanentError):
    """Other objects depend on the object that was to be deleted (HTTP 409)."""


ERRORS_BY_STATUS: Final[dict[int, tuple[type[ClassifiedError], str]]] = {
    400: (BadRequest, "refused to {action}: {detail}"),
    403: (PermanentError, "does not allow this user to {action}: {detail}"),
    404: (NotFound, "could not {action}: there is no such object."),
    409: (InUse, "could not {action}: {detail}"),
    412: (PreconditionFailed, "could not {action}: somebody else kept changing it meanwhile."),
}


def create_session(
    url: str,
    token: SecretSource,
    timeouts: tuple[float, float],
    max_concurrent: int,
    shared_limit: Semaphore | None,
) -> requests.Session:
    """Return a session with limits for the NetBox at `url`.

    `timeouts` are to connect, and for the whole answer, in seconds. At most `max_concurrent` requests run at a time,
    and all sessions with the same `shared_limit` together run no more than it has slots; further requests wait. A
    request runs until its response has been read. Redirects are not followed: requests would repeat a redirected PATCH
    as a GET, which succeeds.
    """
    session = requests.Session()
    session.auth = _BearerAuth(url, token)
    session.max_redirects = 0
    adapter = _NetBoxAdapter(timeouts, max_concurrent, shared_limit)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@contextmanager
def translate_errors(url: str, action: str) -> Iterator[None]:
    """Raise errors of the block as one sentence on the `action` that failed."""
    try:
        yield
    except (RequestError, AllocationError) as error:
        raise _classify_response(error.req, url, action) from error
    except (ContentError, requests.exceptions.JSONDecodeError) as error:
        raise _not_netbox_error(url) from error
    except requests.RequestException as error:
        raise classify(error, f"NetBox at {url}") from error


def _not_netbox_error(url: str) -> PermanentError:
    return PermanentError(
        f"The server at {url} is not the REST API of a NetBox: check FABRIC_SYNC_NETBOX_URL."
    )


def _classify_response(response: requests.Response, url: str, action: str) -> ClassifiedError:
    netbox, status, detail = f"NetBox at {url}", response.status_code, _extract_detail(response)
    about_token = any(word in detail.lower() for word in ("token", "credentials"))
    if status in (401, 403) and about_token:
        return PermanentError(
            f"{netbox} refused the token ({detail.rstrip('.')}): set FABRIC_SYNC_NETBOX_TOKEN, or the content of"
            " FABRIC_SYNC_NETBOX_TOKEN_FILE, to one that `starter.py setup` made."
        )
    if status == 404 and "json" not in response.headers.get("Content-Type", ""):
        return _not_netbox_error(url)
    if status in ERRORS_BY_STATUS:
        error_type, sentence = ERRORS_BY_STATUS[status]
        return error_type(f"{netbox} {sentence.format(action=action, detail=detail)}")
    return classify_status(netbox, status, detail, response.headers.get("Retry-After"))


def _extract_detail(response: requests.Response) -> str:
    """Return NetBox's explanation; HTML pages of a proxy or of a crash contain none."""
    try:
        return join_messages(response.json())
    except requests.exceptions.JSONDecodeError:
        return response.reason or "no reason given"


def join_messages(body: object) -> str:
    """Return the messages of an error body on one line."""
    return one_line("; ".join(_iter_messages(body)), 300)


def _iter_messages(body: object, field: str = "") -> Iterator[str]:
    """Yield the messages of an error body: lists in objects, by field."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from _iter_messages(value, field if name in NON_FIELD_KEYS else name)
    elif isinstance(body, list):
        for value in body:
            yield from _iter_messages(value, field)
    else:
        yield f"{field}: {body}" if field else str(body)


class _BearerAuth(AuthBase):
    """Sends the token as a header; as an `auth` it keeps `~/.netrc` from being read.

    Pages of lists name the URL of the next page, which may be anywhere: the token goes to the origin of `url` only.
    """

    def __init__(self, url: str, token: SecretSource) -> None:
        self._url = url
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header.

        Raises `PermanentError` for another origin, and for an unusable token.
        """
        own_url = requests.Request("GET", self._url).prepare().url
        if SessionRedirectMixin().should_strip_auth(str(own_url), str(request.url)):
            other = one_line("://".join(urlsplit(str(request.url))[:2]))
            raise PermanentError(
                f"NetBox at {self._url} names {other} as the place of its next page, where the token is not sent: set"
                " FABRIC_SYNC_NETBOX_URL to the URL that NetBox has for its users, or let its proxy pass on Host and"
                " X-Forwarded-Proto."
            )
        request.headers["Authorization"] = f"Bearer {self._token.read_token()}"
        return request


class _NetBoxAdapter(HTTPAdapter):
    """Limits every request, and repeats one whose connection was stale.

    Servers close idle connections, perhaps just when a request arrives. Repeating is safe for reads, and for
    changes with `If-Match`, which cannot be made twice.
    """

    def __init__(
        self, timeouts: tuple[float, float], max_concurrent: int, shared_limit: Semaphore | None
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=max_concurrent, pool_block=True)
        connect, read = timeouts
        self._timeout: Any = Timeout(total=connect + read, connect=connect, read=read)
        self._own_limit = Semaphore(max_concurrent)
        self._shared_limit = shared_limit or nullcontext()

    @override
    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        use_total_timeouts(self.poolmanager)

    @override
    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        manager: ProxyManager = super().proxy_manager_for(proxy, **options)
        use_total_timeouts(manager)
        return manager

    @override
    def cert_verify(self, conn: object, url: str, verify: bool | str, cert: object) -> None:
        """Add no CAs: connections trust the system's, or those in REQUESTS_CA_BUNDLE.

        By default only those that come with requests are trusted, whatever the operator has installed. Raises
        `PermanentError` if that variable names nothing that exists.
        """
        is_tls = url.lower().startswith("https:")
        if is_tls and isinstance(verify, str) and not Path(verify).exists():
            raise PermanentError(
                f"The certificate of NetBox cannot be checked: REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names {verify},"
                " which does not exist. Correct it, or unset it to trust the CAs of the system."
            )

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: object = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        send = partial(super().send, request, stream, self._timeout, verify, cert, proxies)
        # Own limit first: a request that waits for that must not hold a shared slot.
        with self._own_limit, self._shared_limit:
            try:
                response = send()
            except requests.ConnectionError as error:
                if not (_is_repeatable(request) and _is_stale_connection(error)):
                    raise
                response = send()
            _read_body(response)  # to the end, before the slot is free
            _redact_token(response)
            return response


def _read_body(response: requests.Response) -> None:
    """Read the body into the response. Raises `PermanentError` if it is too large."""
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise PermanentError(
                f"NetBox sent more than {MAX_ANSWER_BYTES >> 20} MB in one answer."
            )
    response._content = bytes(body)


def _redact_token(response: requests.Response) -> None:
    """Take the token out of an answer that repeats the request, as proxies do.

    What is left of it before a dot is its public key. Errors of GraphQL have the status of a success.
    """
    header = str(response.request.headers["Authorization"])
    secret = header.rpartition(".")[2].removeprefix("Bearer ")
    if secret:
        response._content = response.content.replace(secret.encode(), REDACTED.encode())
        response.reason = str(response.reason).replace(secret, REDACTED)


def _is_repeatable(request: requests.PreparedRequest) -> bool:
    return request.method in {"GET", "OPTIONS"} or "If-Match" in request.headers


def _is_stale_connection(error: requests.ConnectionError) -> bool:
    return isinstance(next(iter(error.args), None), ProtocolError)
