"""The client with scripted servers that misbehave, instead of NetBox."""

import json
import socket
import threading
import traceback
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Semaphore
from typing import BinaryIO

import pytest
import requests
from pydantic import SecretStr

from activities.errors import PermanentError, TransientError
from activities.inventory.netbox.client import GraphQLError, InventoryNetBox
from activities.netbox.client import NetBox, Row
from activities.netbox.http import BadRequest, PreconditionFailed
from bench.installation.hostile_api import Answer, drip_body, drip_headers, hostile_server
from settings import Settings
from tests.support.metrics import count_from_now, read_metric
from tests.support.system.installation import wait_until

TOKEN = "nbt_key.secret"
TIMEOUT = 60
"""Seconds that a server in this very process may take on a busy machine."""
EMPTY_PAGE = '{"count": 0, "next": null, "previous": null, "results": []}'


def answer(status: str, body: str = EMPTY_PAGE, *headers: str) -> bytes:
    """An HTTP/1.1 response that keeps the connection open."""
    head = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    return "\r\n".join([*head, f"Content-Length: {len(body)}", "", body]).encode()


HANG_UP = b""


@contextmanager
def scripted_server(*connections: Sequence[bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve `connections` one by one, with scripted responses to their requests.

    Each is closed after its last response. Yields the URL and the received requests.
    """
    requests: list[str] = []

    def serve() -> None:
        for script in connections:
            client, _ = listener.accept()
            with client, client.makefile("rb") as lines:
                for reply in script:
                    requests.append(_read_request(lines))
                    client.sendall(reply)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        thread.join(timeout=TIMEOUT)
        assert not thread.is_alive(), f"expected more requests than {requests}"


def _read_request(lines: BinaryIO) -> str:
    head = [line.decode().rstrip() for line in iter(lines.readline, b"\r\n")]
    lengths = [line.split(": ")[1] for line in head if line.startswith("Content-Length: ")]
    lines.read(int(lengths[0]) if lengths else 0)  # closing with unread data would reset the answer
    return "\n".join(head)


def open_netbox(url: str) -> NetBox:
    """Return a client with new connections."""
    return NetBox(url, TOKEN, connect_timeout=TIMEOUT, timeout=TIMEOUT)


@pytest.fixture
def connect() -> Iterator[Callable[[str], NetBox]]:
    clients: list[NetBox] = []

    def connect(url: str) -> NetBox:
        clients.append(open_netbox(url))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


type Connect = Callable[[str], NetBox]


def test_read_is_repeated_after_stale_connection(connect: Connect) -> None:
    stale, fresh = [answer("200 OK"), HANG_UP], [answer("200 OK")]
    with scripted_server(stale, fresh) as (url, requests):
        netbox = connect(url)
        assert list(netbox.list_rows("extras/tags")) == []
        assert list(netbox.list_rows("extras/tags")) == []
    assert len(requests) == 3


def test_requests_are_counted_by_method_and_status() -> None:
    counts = [
        count_from_now("fabric_sync_netbox_requests_total", method="GET", code=code)
        for code in ("200", "503", "none")
    ]
    duration = count_from_now("fabric_sync_netbox_request_duration_seconds_count", method="GET")
    answers = [answer("200 OK")], [answer("503 Unavailable", "{}")], [HANG_UP], [HANG_UP]
    with scripted_server(*answers) as (url, _):
        for _ in range(3):
            with suppress(TransientError), closing(open_netbox(url)) as netbox:
                list(netbox.list_rows("extras/tags"))
    assert [count() for count in counts] == [1, 1, 1]
    assert duration() == 3
    assert read_metric("fabric_sync_netbox_permits_in_use") == 0


def test_change_with_if_match_is_repeated_after_stale_connection(connect: Connect) -> None:
    """After a first attempt that took effect, the second gets 412: nothing is lost."""
    stale, fresh = [HANG_UP], [answer("412 Precondition Failed", '{"detail": "No."}')]
    with scripted_server(stale, fresh) as (url, requests), pytest.raises(PreconditionFailed):
        connect(url).patch_record(1, {"hh_paused": True}, 'W/"1"')
    assert [request.splitlines()[0] for request in requests] == [
        "PATCH /api/virtualization/clusters/1/ HTTP/1.1"
    ] * 2
    assert all('If-Match: W/"1"' in request for request in requests)


def test_update_gives_up_after_repeated_conflicts(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)
    record = answer("200 OK", '{"id": 1}', 'ETag: W/"1"')
    conflict = answer("412 Precondition Failed", '{"detail": "No."}')
    with (
        scripted_server([record, conflict] * 8) as (url, requests),
        pytest.raises(PreconditionFailed, match="somebody else kept changing it"),
    ):
        connect(url).update_record(1, lambda _record: {"hh_paused": True})
    assert [request.split()[0] for request in requests] == ["GET", "PATCH"] * 8


@pytest.mark.parametrize("token", ["nbt_key.0123456789abcdef", "0123456789abcdef"])
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_answer_that_repeats_the_token_is_not_quoted_with_it(token: str, kind: str) -> None:
    header = f"Bearer {token}"
    body = json.dumps({"detail": f"{header} is unknown to the proxy."})
    status = f"502 Refused {header}"
    with (
        scripted_server([answer(status, body, f"Content-Type: {kind}")] * 2) as (url, requests),
        closing(NetBox(url, token, connect_timeout=TIMEOUT, timeout=TIMEOUT)) as netbox,
    ):
        for ask in (netbox.get_status, partial(netbox.get_record, 1)):
            with pytest.raises(TransientError) as caught:
                ask()
            traceback_text = "".join(traceback.format_exception(caught.value))
            assert token.rpartition(".")[2] not in traceback_text
            assert "[secret]" in str(caught.value)
    assert all(f"Authorization: {header}" in request for request in requests)


def test_error_of_graphql_that_repeats_the_token_is_not_quoted_with_it() -> None:
    body = json.dumps({"errors": [{"message": "no view for 0123456789abcdef"}]})
    with (
        scripted_server([answer("200 OK", body)]) as (url, _),
        closing(
            InventoryNetBox(url, "0123456789abcdef", connect_timeout=TIMEOUT, timeout=TIMEOUT)
        ) as netbox,
        pytest.raises(GraphQLError, match=r"no view for \[secret\]"),
    ):
        netbox.graphql("{ site_list { id } }")


def test_new_token_of_a_file_is_sent_with_the_next_request(tmp_path: Path) -> None:
    file = tmp_path / "token"
    refusal = answer("401 Unauthorized", '{"detail": "Token expired"}')
    with scripted_server([answer("200 OK"), refusal, answer("200 OK")]) as (url, requests):
        settings = Settings(netbox_url=url, netbox_token_file=file, netbox_timeout=TIMEOUT)
        with closing(NetBox.from_settings(settings)) as netbox:
            file.write_text("old")
            assert read(netbox) == []
            with pytest.raises(PermanentError, match="FABRIC_SYNC_NETBOX_TOKEN_FILE"):
                read(netbox)
            file.write_text("new\n")
            assert read(netbox) == []
    sent = [line for request in requests for line in request.splitlines() if "Bearer" in line]
    assert sent == [f"Authorization: Bearer {token}" for token in ("old", "old", "new")]


def test_file_without_a_token_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    settings = Settings(netbox_url="http://127.0.0.1:1", netbox_token_file=tmp_path / "token")
    with (
        closing(NetBox.from_settings(settings)) as netbox,
        pytest.raises(PermanentError, match=f"The file {tmp_path}/token cannot be read"),
    ):
        read(netbox)


def test_create_is_never_repeated(connect: Connect) -> None:
    with scripted_server([HANG_UP]) as (url, requests), pytest.raises(TransientError):
        connect(url).create("extras/tags", {"name": "x"})
    assert len(requests) == 1


def test_timed_out_read_is_not_repeated() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            closing(NetBox(url, TOKEN, connect_timeout=TIMEOUT, timeout=2)) as hasty,
            pytest.raises(TransientError, match="did not answer in time"),
        ):
            hasty.get_status()
        listener.settimeout(0.1)
        listener.accept()[0].close()
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("drip", [drip_headers, drip_body])
def test_answer_that_drips_is_given_up(drip: Answer) -> None:
    with (
        hostile_server(drip) as port,
        closing(
            NetBox(f"http://127.0.0.1:{port}", TOKEN, connect_timeout=TIMEOUT, timeout=0.5)
        ) as hasty,
        pytest.raises(TransientError, match="did not answer in time"),
    ):
        hasty.get_status()


def test_answer_that_is_too_large_is_given_up(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.netbox.http.MAX_ANSWER_BYTES", 1 << 20)
    large = answer("200 OK", " " * (2 << 20))
    with (
        hostile_server(lambda: iter([large])) as port,
        pytest.raises(PermanentError, match="sent more than 1 MB in one answer"),
    ):
        connect(f"http://127.0.0.1:{port}").get_status()


def test_redirect_is_not_followed(connect: Connect) -> None:
    redirect = answer("302 Found", "", "Location: http://127.0.0.1:1/")
    with (
        scripted_server([redirect]) as (url, _),
        pytest.raises(PermanentError, match="redirects elsewhere"),
    ):
        connect(url).patch_record(1, {"hh_paused": True}, 'W/"1"')


def make_page(next_page: str) -> bytes:
    return answer(
        "200 OK", EMPTY_PAGE.replace("null", f'"{next_page}/api/extras/tags/?start=7"', 1)
    )


def test_next_page_is_asked_for(connect: Connect) -> None:
    script: list[bytes] = []
    with scripted_server(script) as (url, requests):
        script += [make_page(url.upper()), answer("200 OK")]
        assert list(connect(url).list_rows("extras/tags")) == []
    assert requests[1].startswith("GET /api/extras/tags/?start=7 ")
    assert f"Authorization: Bearer {TOKEN}" in requests[1]


@pytest.mark.parametrize(
    "place", ["http://localhost:{port}", "https://127.0.0.1:{port}", "http://127.0.0.1:{other}"]
)
def test_next_page_elsewhere_is_refused(connect: Connect, place: str) -> None:
    script: list[bytes] = []
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        scripted_server(script) as (url, requests),
    ):
        port = url.rpartition(":")[2]
        elsewhere = place.format(port=port, other=other.getsockname()[1])
        script.append(make_page(elsewhere))
        with pytest.raises(PermanentError, match=f"names {elsewhere} as the place of its next"):
            list(connect(url).list_rows("extras/tags"))
        other.setblocking(False)
        with pytest.raises(BlockingIOError):
            other.accept()
    assert len(requests) == 1


def test_record_without_etag_is_refused(connect: Connect) -> None:
    with (
        scripted_server([answer("200 OK", '{"id": 1}')]) as (url, _),
        pytest.raises(PermanentError, match=r"sends no ETag.*4\.7 or later"),
    ):
        connect(url).get_record(1)


def test_missing_custom_fields_do_not_mean_no_records(connect: Connect) -> None:
    row = '{"id": 1, "type": {"slug": "hedgehog-fabric"}, "custom_fields": {"owner": null}}'
    page = EMPTY_PAGE.replace("[]", f"[{row}]")
    with (
        scripted_server([answer("200 OK", page)]) as (url, _),
        pytest.raises(PermanentError, match=r"no custom field hh_fabric_id.*starter\.py setup"),
    ):
        connect(url).find_record("dc-1")


def test_missing_cluster_type_means_not_set_up(connect: Connect) -> None:
    refusal = answer("400 Bad Request", '{"type": ["Select a valid choice."]}')
    with (
        scripted_server([refusal]) as (url, _),
        pytest.raises(
            PermanentError, match=r"has no cluster type hedgehog-fabric: .*starter\.py setup"
        ),
    ):
        connect(url).list_records()


@pytest.mark.parametrize("url", ["", "netbox", "http://", "ftp://netbox", "http://[::1"])
def test_unusable_urls_are_refused(connect: Connect, url: str) -> None:
    with pytest.raises(PermanentError, match="is not a usable URL"):
        connect(url).get_status()


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_web_page_is_not_an_api(connect: Connect, status: str) -> None:
    page = answer(status, "<html>").replace(b"application/json", b"text/html")
    with (
        scripted_server([page]) as (url, _),
        pytest.raises(PermanentError, match="not the REST API of a NetBox"),
    ):
        connect(url).get_status()


def test_crash_page_is_not_shown(connect: Connect) -> None:
    page = answer("502 Bad Gateway", "<html>" + "x" * 5000).replace(b"json", b"html")
    with (
        scripted_server([page]) as (url, _),
        pytest.raises(TransientError, match="not available at the moment") as error,
    ):
        connect(url).get_status()
    assert len(str(error.value)) < 150


def test_explanation_of_netbox_is_one_short_line(connect: Connect) -> None:
    refusal = answer("400 Bad Request", json.dumps({"name": ["No.\n\x1b[2K" + "x" * 1_000]}))
    with scripted_server([refusal]) as (url, _), pytest.raises(BadRequest) as error:
        connect(url).create("extras/tags", {"name": "x"})
    assert str(error.value).isprintable()
    assert 300 < len(str(error.value)) < 450


def test_retry_after_of_netbox_is_kept(connect: Connect) -> None:
    busy = answer("429 Too Many Requests", '{"detail": "Slow down."}', "Retry-After: 9")
    with scripted_server([busy]) as (url, _), pytest.raises(TransientError) as error:
        connect(url).get_status()
    assert error.value.retry_after == 9


def test_token_is_sent_but_never_shown(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    refusal = answer("403 Forbidden", '{"detail": "Invalid v2 token"}')
    with scripted_server([refusal]) as (url, requests), pytest.raises(PermanentError) as error:
        connect(url).get_status()
    assert f"Authorization: Bearer {TOKEN}" in requests[0]
    assert "secret" not in str(error.value)


class BusyNetBox(ThreadingHTTPServer):
    """Starts each response at once, ends it when it `may_end`; counts what it gets."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _BusyHandler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.may_end = threading.Event()
        self.lock = threading.Lock()
        self.running = self.max_running = self.total = self.connections = 0


class _BusyHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BusyNetBox

    def setup(self) -> None:
        with self.server.lock:
            self.server.connections += 1
        super().setup()

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.running += 1
            self.server.total += 1
            self.server.max_running = max(self.server.max_running, self.server.running)
        head, end, body = answer("200 OK").partition(b"\r\n\r\n")
        self.wfile.write(head + end)
        self.server.may_end.wait(timeout=TIMEOUT)
        with self.server.lock:
            self.server.running -= 1
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def busy_netbox() -> Iterator[BusyNetBox]:
    with BusyNetBox() as server:
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        yield server
        server.shutdown()


def test_connections_stay_open_between_requests(connect: Connect, busy_netbox: BusyNetBox) -> None:
    netbox, requests = connect(busy_netbox.url), 50
    busy_netbox.may_end.set()

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda _: list(netbox.list_rows("extras/tags")), range(requests)))

    assert busy_netbox.total == requests
    assert busy_netbox.connections <= 4, "at most as many as requests at a time"


type CountReaders = Callable[[], Awaitable[int]]


@pytest.fixture
def count_readers(monkeypatch: pytest.MonkeyPatch) -> CountReaders:
    """Counts responses whose bodies are being read."""
    started: list[requests.Response] = []
    read = requests.Response.iter_content

    def count(answer: requests.Response, size: int) -> Iterator[bytes]:
        started.append(answer)
        return read(answer, size)

    async def number() -> int:
        return len(started)

    monkeypatch.setattr(requests.Response, "iter_content", count)
    return number


class WatchedSemaphore(Semaphore):
    """Records whether somebody had to wait."""

    waited = False

    def __enter__(self, *_: object) -> bool:
        if self.acquire(blocking=False):
            return True
        self.waited = True
        return self.acquire()


def read(netbox: NetBox) -> list[Row]:
    return list(netbox.list_rows("extras/tags"))


async def test_concurrent_requests_are_limited(
    busy_netbox: BusyNetBox, count_readers: CountReaders
) -> None:
    with ThreadPoolExecutor(24) as fabrics:
        netbox = NetBox(
            busy_netbox.url, TOKEN, connect_timeout=TIMEOUT, timeout=TIMEOUT, max_concurrent=3
        )
        reads = [fabrics.submit(read, netbox) for _ in range(24)]
        await wait_until(count_readers, lambda number: number >= 3)
        busy_netbox.may_end.set()
        assert [future.result() for future in reads] == [[]] * 24
        assert (busy_netbox.max_running, busy_netbox.total) == (3, 24)
        netbox.close()


def make_clients(
    busy_netbox: BusyNetBox, limit: Semaphore, max_running: int
) -> tuple[NetBox, InventoryNetBox]:
    """The clients of a worker for records and for inventories."""
    settings = Settings(
        netbox_url=busy_netbox.url,
        netbox_token=SecretStr(TOKEN),
        connect_timeout=TIMEOUT,
        concurrent_netbox_calls=max_running,
    )
    return NetBox.from_settings(settings, limit), InventoryNetBox.from_settings(settings, limit)


async def test_inventories_leave_one_slot_to_records(
    busy_netbox: BusyNetBox, count_readers: CountReaders
) -> None:
    records, inventories = make_clients(busy_netbox, Semaphore(4), max_running=4)
    with ThreadPoolExecutor(12) as fabrics:
        reads = [fabrics.submit(read, inventories) for _ in range(6)]
        await wait_until(count_readers, lambda number: number == 3)
        reads += [fabrics.submit(read, records) for _ in range(6)]
        await wait_until(count_readers, lambda number: number == 4)
        busy_netbox.may_end.set()
        assert [future.result() for future in reads] == [[]] * 12
        assert (busy_netbox.max_running, busy_netbox.total) == (4, 12)
    for netbox in (records, inventories):
        netbox.close()


async def test_slot_is_held_until_response_is_read(
    busy_netbox: BusyNetBox, count_readers: CountReaders
) -> None:
    limit = WatchedSemaphore(1)
    records, inventories = make_clients(busy_netbox, limit, max_running=1)

    async def waits_or_is_too_many() -> bool:
        return limit.waited or busy_netbox.running == 2

    with ThreadPoolExecutor(2) as fabrics:
        first = fabrics.submit(read, inventories)
        await wait_until(count_readers, lambda number: number == 1)
        second = fabrics.submit(read, records)
        await wait_until(waits_or_is_too_many, bool)
        busy_netbox.may_end.set()
        assert first.result() == second.result() == []
        assert (busy_netbox.max_running, busy_netbox.total) == (1, 2)
    for netbox in (records, inventories):
        netbox.close()
