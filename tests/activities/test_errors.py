"""Classification of errors as the client libraries really raise them."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration, CustomObjectsApi
from pynetbox.core.query import Request

from activities.errors import (
    MAX_RETRY_AFTER_SECONDS,
    PermanentError,
    TransientError,
    classify,
    classify_status,
    to_application_error,
)

PERMANENT = (400, 401, 403, 404, 405, 422)
TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504)

ANSWER_TIMEOUT_SECONDS = 20.0


@contextmanager
def server(status: int, **headers: str) -> Iterator[str]:
    """Run an HTTP server that always sends this response; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def with_requests(url: str, timeout: float = ANSWER_TIMEOUT_SECONDS) -> None:
    with requests.Session() as session:
        session.max_redirects = 0
        session.get(url, timeout=timeout).raise_for_status()


def with_pynetbox(url: str) -> None:
    with requests.Session() as session:
        list(Request(url, session).get())


def with_urllib3(url: str, timeout: float = ANSWER_TIMEOUT_SECONDS) -> None:
    with urllib3.PoolManager(retries=False, timeout=timeout) as pool:
        response = pool.request("GET", url)
        if response.status >= 400:
            raise ApiException(http_resp=response)


CLIENTS = (with_requests, with_pynetbox, with_urllib3)


def error_of(client: Callable[[str], None], url: str) -> TransientError | PermanentError:
    with pytest.raises(Exception) as caught:  # noqa: PT011  the point is what it is made into
        client(url)
    return classify(caught.value, "The API")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_http_errors_of_all_clients_are_classified(
    client: Callable[[str], None], status: int
) -> None:
    with server(status, Retry_After="7") as url:
        error = error_of(client, url)
    assert f"HTTP {status}" in str(error)
    if status in PERMANENT:
        assert isinstance(error, PermanentError)
    else:
        assert isinstance(error, TransientError)
        assert error.retry_after == 7


@pytest.mark.parametrize("status", PERMANENT + TRANSIENT)
def test_status_decides_between_transient_and_permanent(status: int) -> None:
    expected = PermanentError if status in PERMANENT else TransientError
    assert type(classify_status("NetBox", status)) is expected


@pytest.mark.parametrize("client", CLIENTS)
def test_refused_connection_is_transient(client: Callable[[str], None]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, but not listening
        error = error_of(client, f"http://127.0.0.1:{probe.getsockname()[1]}")
    assert isinstance(error, TransientError)
    assert str(error) == "The API refused the connection: nothing listens there."


def with_kubernetes(url: str) -> None:
    with ApiClient(Configuration(host=url, retries=False)) as client:
        CustomObjectsApi(client).list_cluster_custom_object("group", "v1", "things")


@pytest.mark.parametrize("client", [with_requests, with_pynetbox, with_kubernetes])
def test_unreachable_proxy_is_named(
    client: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))  # bound, but not listening
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{probe.getsockname()[1]}")
        error = error_of(client, "http://api.example")
    assert isinstance(error, TransientError)
    assert "cannot be reached through the worker's proxy" in str(error)


@pytest.mark.parametrize("client", [with_requests, with_urllib3])
def test_silent_server_times_out(client: Callable[[str, float], None]) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        error = error_of(lambda url: client(url, 0.2), url)
    assert isinstance(error, TransientError)
    assert str(error) == "The API did not answer in time."


@pytest.mark.parametrize("client", CLIENTS)
def test_unknown_host_is_transient(client: Callable[[str], None]) -> None:
    error = error_of(client, "http://nowhere.invalid")
    assert isinstance(error, TransientError)
    assert "does not resolve" in str(error)


def test_invalid_url_is_permanent() -> None:
    assert isinstance(error_of(with_requests, "netbox"), PermanentError)


@pytest.mark.parametrize("client", CLIENTS)
def test_impossible_host_name_is_permanent(client: Callable[[str], None]) -> None:
    error = error_of(client, "http://netbox..example.com")
    assert isinstance(error, PermanentError)
    assert str(error) == "The API is not a usable URL."


def test_redirect_is_permanent() -> None:
    with server(302, Location="http://127.0.0.1/login") as url:
        error = error_of(with_requests, url)
    assert isinstance(error, PermanentError)
    assert "redirects" in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("999999999999", MAX_RETRY_AFTER_SECONDS),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0),
    ],
)
def test_retry_after_seconds_are_honoured(header: str, seconds: float) -> None:
    error = classify_status("NetBox", 429, retry_after=header)
    assert isinstance(error, TransientError)
    assert error.retry_after == seconds


def test_retry_after_may_be_a_date() -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = classify_status("NetBox", 503, retry_after=header)
    assert isinstance(error, TransientError)
    assert error.retry_after is not None
    assert 0 < error.retry_after <= 60


@pytest.mark.parametrize("header", [None, "", "soon", "-5", "nan", "1.5"])
def test_invalid_retry_after_is_ignored(header: str | None) -> None:
    error = classify_status("NetBox", 503, retry_after=header)
    assert isinstance(error, TransientError)
    assert error.retry_after is None


def test_application_error_carries_retry_delay() -> None:
    again = to_application_error(TransientError("NetBox is busy.", retry_after=7))
    assert not again.non_retryable
    assert again.next_retry_delay == timedelta(seconds=7)
    never = to_application_error(PermanentError("NetBox refused the token."))
    assert never.non_retryable
    assert never.message == "NetBox refused the token."


def test_application_error_is_one_short_line() -> None:
    application_error = to_application_error(PermanentError("No.\n\x1b[2K" + "x" * 10_000))
    assert len(application_error.message) == 500
    assert application_error.message.isprintable()


def test_unexpected_error_reveals_only_its_type() -> None:
    application_error = to_application_error(ValueError("password=hunter2"))
    assert application_error.type == "ValueError"
    assert "hunter2" not in application_error.message
    assert not application_error.non_retryable


def test_classified_error_is_kept() -> None:
    error = PermanentError("NetBox refused the token.")
    assert classify(error, "Somebody else") is error


def test_long_retry_after_is_not_waited_for_within_a_call() -> None:
    later = to_application_error(TransientError("NetBox is in maintenance.", retry_after=3600))
    assert later.non_retryable
