"""Classification of errors: transient, worth a retry, or permanent.

Client libraries raise errors of their own; the wrappers in this package pass them to `classify`, which
returns a `TransientError` or a `PermanentError`, each with one sentence that a person can act on. At the end
of an activity `to_application_error` converts it for Temporal. Only that sentence leaves the activity: no
cause, no header, no response body of unknown size.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import requests
import urllib3
from temporalio.exceptions import ApplicationError, CancelledError
from urllib3.exceptions import InvalidHeader, NameResolutionError
from urllib3.util.retry import Retry

from fabrics.texts import replace_unprintable

MAX_MESSAGE_CHARS: Final = 500
"""Characters of a message that reaches Temporal or a record."""

MAX_RETRY_AFTER_SECONDS: Final = 3600
"""A server that asks for more than an hour is asked again after one."""

MAX_RETRY_WAIT_SECONDS: Final = 10.0
"""The longest wait before a retry within one call. After a longer one the next slot tries again: a loop that
waited would miss it."""

TRANSIENT_STATUS_CODES: Final = frozenset({408, 409, 425, 429})
"""Client errors that are transient, as is every 5xx. All others are permanent."""

STATUS_MEANINGS: Final = {
    401: "refused the credentials",
    403: "does not allow this",
    404: "has no such object",
    408: "timed out",
    429: "limits the rate of requests",
    502: "is not available at the moment",
    503: "is not available at the moment",
    504: "is not available at the moment",
}


class TransientError(Exception):
    """A retry may succeed, after `retry_after` seconds if the server said so."""

    def __init__(self, sentence: str, retry_after: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after

    @property
    def is_retryable_now(self) -> bool:
        """True if a retry within the same call makes sense."""
        return self.retry_after is None or self.retry_after <= MAX_RETRY_WAIT_SECONDS


class NoResponseError(TransientError):
    """There was no response, or none in time: a retry may take as long again."""


class PermanentError(Exception):
    """A retry is useless until somebody changes something."""


class MissingKey(PermanentError):
    """Temporal has data that this process cannot decrypt."""


class UnknownTarget(PermanentError):
    """The file of targets no longer has the target of a notification."""


class OversizedError(PermanentError):
    """A source has or sends more than that of any fabric."""


type ClassifiedError = TransientError | PermanentError

ERROR_CLASSES: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (NoResponseError, "no_response"),
    (TransientError, "transient"),
    (PermanentError, "permanent"),
    (asyncio.CancelledError, "cancelled"),
    (CancelledError, "cancelled"),
)
"""The results of what failed, as metrics name them: the first entry whose type an error has applies."""

CONNECTION_ERRORS: Final[tuple[tuple[type[Exception], type[ClassifiedError], str], ...]] = (
    (requests.TooManyRedirects, PermanentError, "redirects elsewhere: configure the final URL"),
    (requests.exceptions.InvalidURL, PermanentError, "is not a usable URL"),
    (requests.exceptions.MissingSchema, PermanentError, "is not a usable URL"),
    (requests.exceptions.InvalidSchema, PermanentError, "is not a usable URL"),
    (urllib3.exceptions.LocationParseError, PermanentError, "is not a usable URL"),
    (
        urllib3.exceptions.ProxyError,
        NoResponseError,
        "cannot be reached through the worker's proxy (HTTPS_PROXY or HTTP_PROXY): correct that, or add"
        " the host to NO_PROXY",
    ),
    (NameResolutionError, NoResponseError, "cannot be found: its host name does not resolve"),
    (socket.gaierror, NoResponseError, "cannot be found: its host name does not resolve"),
    (ConnectionRefusedError, NoResponseError, "refused the connection: nothing listens there"),
    (requests.Timeout, NoResponseError, "did not answer in time"),
    (TimeoutError, NoResponseError, "did not answer in time"),
    (urllib3.exceptions.TimeoutError, NoResponseError, "did not answer in time"),
)
"""The first entry whose type is among an error's causes applies."""

OTHER_HOST: Final = "of another host: use the host name of the certificate, or renew it"

CERTIFICATE_ERRORS: Final = {
    9: "that is not valid yet: correct the clock of the worker's host, or renew it",
    10: "that has expired: renew it",
    62: OTHER_HOST,
    64: OTHER_HOST,
}
"""By OpenSSL's codes (X509_V_ERR_...); the others are about the CA."""

UNKNOWN_CA: Final = (
    "that is not trusted ({reason}): add its CA to the file in SSL_CERT_FILE or,"
    " for a fabric, to its credential"
)


def name_result(error: BaseException | None) -> str:
    """Return the result for metrics of what failed with an error, or succeeded."""
    if error is None:
        return "ok"
    return next((name for type_, name in ERROR_CLASSES if isinstance(error, type_)), "unexpected")


def classify_status(
    server_name: str, status: int, detail: str = "", retry_after: str | None = None
) -> ClassifiedError:
    """Return the error for an HTTP status, with the server's explanation in `detail`.

    `retry_after` is the text of that header (RFC 9110, 10.2.3).
    """
    meaning = STATUS_MEANINGS.get(status, "failed" if status >= 500 else "refused the request")
    ending = f": {one_line(detail)}" if detail else "."
    sentence = f"{server_name} {meaning} (HTTP {status}){ending}"
    if status in TRANSIENT_STATUS_CODES or status >= 500:
        return TransientError(sentence, _parse_retry_after(retry_after))
    return PermanentError(sentence)


def classify(error: Exception, server_name: str) -> ClassifiedError:
    """Return the error for a client library's exception, on the named server.

    Covers HTTP responses as requests, urllib3, pynetbox and kubernetes raise them, and everything that can fail
    before a response. Unknown errors count as transient.
    """
    if isinstance(error, TransientError | PermanentError):
        return error
    response = _find_response(error)
    status = getattr(response, "status_code", getattr(response, "status", None))
    if isinstance(status, int) and status >= 400:
        headers = getattr(response, "headers", None) or {}
        return classify_status(server_name, status, retry_after=headers.get("Retry-After"))
    return _classify_connection_error(error, server_name)


def to_application_error(error: Exception) -> ApplicationError:
    """Convert an error for Temporal; an unexpected one, maybe secret, to its type."""
    if isinstance(error, ApplicationError):
        return error
    if not isinstance(error, TransientError | PermanentError):
        name = type(error).__name__
        return ApplicationError(f"Unexpected error ({name}): see the worker's log.", type=name)
    wait = getattr(error, "retry_after", None)
    return ApplicationError(
        one_line(str(error), MAX_MESSAGE_CHARS),
        type=type(error).__name__,
        non_retryable=isinstance(error, PermanentError) or not error.is_retryable_now,
        next_retry_delay=None if wait is None else timedelta(seconds=wait),
    )


def one_line(text: str, limit: int = 200) -> str:
    """Return `text` on one line of at most `limit` characters, all printable."""
    line = replace_unprintable(" ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _find_response(error: Exception) -> object:
    """Return the response that an error has (pynetbox, requests) or is (kubernetes)."""
    carried = getattr(error, "req", None), getattr(error, "response", None)
    # `is not None`, since a failed response of requests is falsy.
    return next((response for response in carried if response is not None), error)


def _classify_connection_error(error: Exception, server_name: str) -> ClassifiedError:
    causes = list(_iter_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            unknown = UNKNOWN_CA.format(reason=cause.verify_message)
            what = CERTIFICATE_ERRORS.get(cause.verify_code, unknown)
            return PermanentError(f"{server_name} has a certificate {what}.")
    for cause_type, error_type, meaning in CONNECTION_ERRORS:
        if any(isinstance(cause, cause_type) for cause in causes):
            return error_type(f"{server_name} {meaning}.")
    return NoResponseError(f"{server_name} cannot be reached ({type(error).__name__}).")


def _iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and its causes, which urllib3 keeps in `args` or `reason`."""
    while error is not None:
        yield error
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__


def _parse_retry_after(header: str | None) -> float | None:
    """Return the seconds to wait; None where the header is absent or makes no sense."""
    try:
        return Retry(retry_after_max=MAX_RETRY_AFTER_SECONDS).parse_retry_after(header or "")
    except (InvalidHeader, ValueError, OverflowError):
        return None
