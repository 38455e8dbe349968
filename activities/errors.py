"""The one place where errors are classified: worth another try, or for people to put right.

Clients raise whatever their library raises; their wrappers in this package hand it to `classify`,
which answers with a `TransientError` or a `PermanentError`, both one sentence that a person can act
on. At the edge of an activity `to_application_error` makes of it what Temporal understands. Only
sentences cross that edge: no cause, no response body of unknown size, no header.
"""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import requests
import urllib3
from temporalio.exceptions import ApplicationError
from urllib3.exceptions import NameResolutionError

MAX_MESSAGE_CHARS: Final = 500
"""Characters of a message that reaches Temporal or a record."""

MAX_RETRY_AFTER_SECONDS: Final = 3600.0
"""Seconds: a server that asks for more than an hour is asked again after one."""

MAX_RETRY_WAIT_SECONDS: Final = 10.0
"""Seconds that a call waits before it tries again. Who asks for more is asked at the next slot: a loop that
waited would miss its own."""

TRANSIENT_STATUS_CODES: Final = frozenset({408, 409, 425, 429})
"""Client errors that pass by themselves; so does every 5xx. All others need a person."""

STATUS_MEANINGS: Final = {
    401: "refused the credentials",
    403: "does not allow this",
    404: "has no such object",
    408: "timed out",
    429: "asks for fewer requests",
    502: "is not available at the moment",
    503: "is not available at the moment",
    504: "is not available at the moment",
}


class TransientError(Exception):
    """It may work when tried again, after `retry_after` seconds where the other side said so."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after

    @property
    def is_retryable_now(self) -> bool:
        """Whether it is worth another try within the same call."""
        return self.retry_after is None or self.retry_after <= MAX_RETRY_WAIT_SECONDS


class NoResponseError(TransientError):
    """There was no answer at all, or none in time: asking again may cost as much time again."""


class PermanentError(Exception):
    """Trying again is of no use before somebody changes something."""


type ClassifiedError = TransientError | PermanentError

CONNECTION_ERRORS: Final[tuple[tuple[type[Exception], type[ClassifiedError], str], ...]] = (
    (requests.TooManyRedirects, PermanentError, "redirects elsewhere: configure the final URL"),
    (ssl.SSLCertVerificationError, PermanentError, "has a certificate that is not trusted"),
    (requests.exceptions.InvalidURL, PermanentError, "is not a usable URL"),
    (requests.exceptions.MissingSchema, PermanentError, "is not a usable URL"),
    (requests.exceptions.InvalidSchema, PermanentError, "is not a usable URL"),
    (urllib3.exceptions.LocationParseError, PermanentError, "is not a usable URL"),
    (
        urllib3.exceptions.ProxyError,
        NoResponseError,
        "cannot be reached through the proxy that the worker is told to use (HTTPS_PROXY or HTTP_PROXY):"
        " correct it, or name the host in NO_PROXY",
    ),
    (NameResolutionError, NoResponseError, "cannot be found: its host name does not resolve"),
    (socket.gaierror, NoResponseError, "cannot be found: its host name does not resolve"),
    (ConnectionRefusedError, NoResponseError, "refused the connection: nothing listens there"),
    (requests.Timeout, NoResponseError, "did not answer in time"),
    (TimeoutError, NoResponseError, "did not answer in time"),
    (urllib3.exceptions.TimeoutError, NoResponseError, "did not answer in time"),
)
"""The first that occurs among an error's causes. Only trust and URLs are for people to repair."""


def classify_status(
    server_name: str, status: int, detail: str = "", retry_after: str | None = None
) -> ClassifiedError:
    """The error for an HTTP answer of `who`, in the words of its status and of a short `detail`.

    `retry_after` is the text of that header (RFC 9110, 10.2.3).
    """
    meaning = STATUS_MEANINGS.get(status, "failed" if status >= 500 else "refused the request")
    ending = f": {one_line(detail)}" if detail else "."
    sentence = f"{server_name} {meaning} (HTTP {status}){ending}"
    if status in TRANSIENT_STATUS_CODES or status >= 500:
        return TransientError(sentence, _parse_retry_after(retry_after))
    return PermanentError(sentence)


def classify(error: Exception, server_name: str) -> ClassifiedError:
    """The error for what a client library raised while it talked to `who` ("NetBox at http://...").

    Knows HTTP answers as requests, urllib3, pynetbox and kubernetes raise them, and everything that
    can go wrong before there is one. What it does not know is taken for a passing failure.
    """
    if isinstance(error, TransientError | PermanentError):
        return error
    answer = _find_response(error)
    status = getattr(answer, "status_code", getattr(answer, "status", None))
    if isinstance(status, int) and status >= 400:
        headers = getattr(answer, "headers", None) or {}
        return classify_status(server_name, status, retry_after=headers.get("Retry-After"))
    return _classify_connection_error(error, server_name)


def to_application_error(error: Exception) -> ApplicationError:
    """What Temporal is told. Of an unforeseen error only the type: its text may hold anything."""
    if isinstance(error, ApplicationError):
        return error
    if not isinstance(error, TransientError | PermanentError):
        name = type(error).__name__
        return ApplicationError(f"Unexpected {name}: the worker's log has it in full.", type=name)
    wait = getattr(error, "retry_after", None)
    return ApplicationError(
        one_line(str(error), MAX_MESSAGE_CHARS),
        type=type(error).__name__,
        non_retryable=isinstance(error, PermanentError) or not error.is_retryable_now,
        next_retry_delay=None if wait is None else timedelta(seconds=wait),
    )


def one_line(text: str, limit: int = 200) -> str:
    """`text` on one line, cut to `limit` characters; what cannot be printed shows as `?`."""
    line = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _find_response(error: Exception) -> object:
    """The HTTP answer that an error carries (as pynetbox and requests do) or is (kubernetes)."""
    carried = getattr(error, "req", None), getattr(error, "response", None)
    # A failed answer of requests is falsy.
    return next((answer for answer in carried if answer is not None), error)


def _classify_connection_error(error: Exception, server_name: str) -> ClassifiedError:
    """The connection failed, or what came back was no answer."""
    causes = list(_iter_causes(error))
    for type_, made, meaning in CONNECTION_ERRORS:
        if any(isinstance(cause, type_) for cause in causes):
            return made(f"{server_name} {meaning}.")
    return NoResponseError(f"{server_name} cannot be reached ({type(error).__name__}).")


def _iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    """`error` and what it wraps: requests and urllib3 keep the cause in `args` or `reason`."""
    while error is not None:
        yield error
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__


def _parse_retry_after(retry_after: str | None) -> float | None:
    """The header is a number of seconds or a date; anything else is as good as absent."""
    text = (retry_after or "").strip()
    if text.isdecimal():
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    wait = ((date if date.tzinfo else date.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds()
    return min(max(wait, 0.0), MAX_RETRY_AFTER_SECONDS)
