"""HTTP to NetBox: a session that is patient but not for ever, and failures as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from threading import Semaphore
from typing import Final, override

import requests
from pynetbox.core.query import AllocationError, ContentError, RequestError
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import ProtocolError

from activities.errors import (
    ClassifiedError,
    PermanentError,
    TransientError,
    classify,
    classify_status,
    one_line,
)

NON_FIELD_KEYS: Final = frozenset(
    {"detail", "__all__", "non_field_errors", "custom_fields", "errors"}
)
"""Keys of NetBox's error bodies that name no field."""


class PreconditionFailed(TransientError):
    """Somebody else changed the object since it was read (HTTP 412)."""


class BadRequest(PermanentError):
    """NetBox refuses the values (HTTP 400); the sentence has its words."""


class NotFound(PermanentError):
    """There is no such object, or none that this user may see (HTTP 404)."""


class InUse(PermanentError):
    """Other objects need the one that was to be deleted (HTTP 409)."""


ERRORS_BY_STATUS: Final[dict[int, tuple[type[ClassifiedError], str]]] = {
    400: (BadRequest, "refused to {doing}: {detail}"),
    403: (PermanentError, "does not allow this user to {doing}: {detail}"),
    404: (NotFound, "could not {doing}: there is no such object."),
    409: (InUse, "could not {doing}: {detail}"),
    412: (PreconditionFailed, "could not {doing}: somebody else kept changing it meanwhile."),
}


def create_session(
    token: str,
    connect_timeout: float,
    timeout: float,
    max_concurrent: int,
    shared_limit: Semaphore | None,
) -> requests.Session:
    """A session with our credentials and time limits (in seconds), for one NetBox.

    At most `max_concurrent` requests are under way at any moment, each to the end of its answer, and no more than
    `shared` lets all sessions have that it was given to; more wait for one to end. It follows no redirect:
    requests would repeat a redirected PATCH as a GET, which succeeds.
    """
    session = requests.Session()
    session.auth = _BearerAuth(token)
    session.max_redirects = 0
    adapter = _NetBoxAdapter(connect_timeout, timeout, max_concurrent, shared_limit)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@contextmanager
def translate_errors(url: str, action: str) -> Iterator[None]:
    """Whatever goes wrong with the NetBox at `url` while `doing` something becomes one sentence."""
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
        f"What answers at {url} is not the REST API of a NetBox: check FABRIC_SYNC_NETBOX_URL."
    )


def _classify_response(answer: requests.Response, url: str, action: str) -> ClassifiedError:
    who, status, detail = f"NetBox at {url}", answer.status_code, _extract_detail(answer)
    about_token = any(word in detail.lower() for word in ("token", "credentials"))
    if status in (401, 403) and about_token:
        return PermanentError(
            f"{who} refused the token ({detail.rstrip('.')}): set FABRIC_SYNC_NETBOX_TOKEN"
            " to one that `starter.py setup` made."
        )
    if status == 404 and not _is_json(answer):
        return _not_netbox_error(url)
    if status in ERRORS_BY_STATUS:
        kind, sentence = ERRORS_BY_STATUS[status]
        return kind(f"{who} {sentence.format(doing=action, detail=detail)}")
    return classify_status(who, status, detail, answer.headers.get("Retry-After"))


def _is_json(answer: requests.Response) -> bool:
    return "json" in answer.headers.get("Content-Type", "")


def _extract_detail(answer: requests.Response) -> str:
    """What NetBox says is wrong. Pages in HTML, as a proxy or a crash gives them, say nothing."""
    try:
        return join_messages(answer.json())
    except requests.exceptions.JSONDecodeError:
        return answer.reason or "no reason given"


def join_messages(body: object) -> str:
    """What an error body says, on one line."""
    return one_line("; ".join(_iter_messages(body)), 300)


def _iter_messages(body: object, field: str = "") -> Iterator[str]:
    """The texts of an error body: they stand in lists in objects, whose keys are fields."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from _iter_messages(value, field if name in NON_FIELD_KEYS else name)
    elif isinstance(body, list):
        for value in body:
            yield from _iter_messages(value, field)
    else:
        yield f"{field}: {body}" if field else str(body)


class _BearerAuth(AuthBase):
    """The token as a header. As `auth` it also keeps requests from reading `~/.netrc` instead."""

    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token.strip()}".encode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = self._header
        return request


class _NetBoxAdapter(HTTPAdapter):
    """Gives every request its time limits, and another try where its connection had gone stale.

    Servers close connections that idle, and may do so just as a request is on its way. Repeating is
    safe for reads, and for a change that `If-Match` keeps from being made twice.
    """

    def __init__(
        self,
        connect_timeout: float,
        timeout: float,
        max_concurrent: int,
        shared_limit: Semaphore | None,
    ) -> None:
        super().__init__(pool_connections=1, pool_maxsize=max_concurrent, pool_block=True)
        self._timeouts = (connect_timeout, timeout)
        self._own_limit, self._shared_limit = (
            Semaphore(max_concurrent),
            shared_limit or nullcontext(),
        )

    @override
    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: float | tuple[float | None, float | None] | None = None,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        send = partial(
            super().send, request, stream, timeout or self._timeouts, verify, cert, proxies
        )
        with (
            self._own_limit,
            self._shared_limit,
        ):  # in this order: who waits for its own turn keeps nobody else out
            try:
                answer = send()
            except requests.ConnectionError as error:
                if not (_is_repeatable(request) and _is_stale_connection(error)):
                    raise
                answer = send()
            _ = answer.content  # to its end: until then the request is under way
            return answer


def _is_repeatable(request: requests.PreparedRequest) -> bool:
    return request.method in {"GET", "OPTIONS"} or "If-Match" in request.headers


def _is_stale_connection(error: requests.ConnectionError) -> bool:
    return isinstance(next(iter(error.args), None), ProtocolError)
