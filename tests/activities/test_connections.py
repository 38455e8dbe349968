"""Timeouts of connections hold for whole phases, not for single operations."""

import os
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import trustme
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError, NameResolutionError, ReadTimeoutError

from activities import connections
from activities.connections import create_tls_context, open_connection, use_total_timeouts
from bench.installation.hostile_api import (
    Answer,
    drip_body,
    drip_headers,
    hostile_server,
    make_auth,
    make_tls_context,
)
from stack.kubernetes.base import ServerAuth
from stack.processes.ports import LOOPBACK
from tests.support.system.silent_name_server import NAME, SilentNameServer
from tests.support.system.tls_proxy import make_server_context

PATIENT = 20.0
SHORT = 0.5
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def auth() -> ServerAuth:
    return make_auth()


@pytest.fixture(params=["http", "https"])
def context(request: pytest.FixtureRequest, auth: ServerAuth) -> ssl.SSLContext | None:
    """The server's side of TLS, or none."""
    return make_tls_context(auth) if request.param == "https" else None


@pytest.fixture
def pools(auth: ServerAuth) -> Iterator[PoolManager]:
    """Pools of connections that trust the server."""
    pools = PoolManager(retries=False, ca_cert_data=auth.ca_cert)
    use_total_timeouts(pools)
    yield pools
    pools.clear()


def make_url(port: int, context: ssl.SSLContext | None) -> str:
    return f"{'https' if context else 'http'}://{LOOPBACK}:{port}/"


def drip_chunks() -> Iterator[bytes]:
    """Send a chunked page byte by byte."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for byte in drip_body():
        yield b"1\r\n \r\n" if len(byte) == 1 else b""
    yield b"0\r\n\r\n"


@pytest.mark.parametrize("answer", [drip_headers, drip_body, drip_chunks])
def test_dripping_answer_is_late(
    answer: Answer, pools: PoolManager, context: ssl.SSLContext | None
) -> None:
    timeout = Timeout(connect=PATIENT, read=SHORT)
    with hostile_server(answer, context) as port, pytest.raises(ReadTimeoutError):
        pools.request("GET", make_url(port, context), timeout=timeout)


def test_server_that_takes_a_request_byte_by_byte_is_given_up(
    pools: PoolManager, context: ssl.SSLContext | None
) -> None:
    given_up = Event()

    def read_slowly(listener: socket.socket) -> None:
        plain, _ = listener.accept()
        connection = context.wrap_socket(plain, server_side=True) if context else plain
        with connection, suppress(OSError):
            while not given_up.wait(0.1) and connection.recv(65_536):
                pass

    with socket.create_server((LOOPBACK, 0)) as listener:
        listener.setsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536
        )  # so that it takes no more at once
        thread = Thread(target=read_slowly, args=(listener,))
        thread.start()
        with pytest.raises((HTTPError, OSError), match=r"timed out|deadline has passed"):
            pools.request(
                "POST",
                make_url(listener.getsockname()[1], context),
                body=b"x" * 20_000_000,
                timeout=Timeout(connect=2 * SHORT, read=PATIENT),
            )
        given_up.set()
        thread.join()


def test_answered_connections_are_kept(pools: PoolManager, context: ssl.SSLContext | None) -> None:
    with hostile_server(lambda: iter([PAGE]), context) as port:
        url = make_url(port, context)
        for _ in range(3):
            assert pools.request("GET", url, timeout=Timeout(PATIENT, PATIENT)).data == b"{}"
        assert pools.connection_from_url(url).num_connections == 1


def test_intermediate_ca_is_trusted_without_the_one_above_it() -> None:
    ca = trustme.CA().create_child_ca()
    context = make_server_context(ca.issue_cert(LOOPBACK))
    with (
        hostile_server(lambda: iter([PAGE]), context) as port,
        PoolManager(retries=False, ca_cert_data=ca.cert_pem.bytes().decode()) as pools,
    ):
        use_total_timeouts(pools)
        answer = pools.request("GET", make_url(port, context), timeout=Timeout(PATIENT, PATIENT))
        assert answer.data == b"{}"


def test_new_cas_of_the_system_count_for_the_next_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.crt"
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    cas = [trustme.CA(), trustme.CA()]
    context = make_server_context(cas[0].issue_cert(LOOPBACK))
    page = PAGE.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    with (
        hostile_server(lambda: iter([page]), context) as port,
        PoolManager(retries=False) as pools,
    ):
        use_total_timeouts(pools)
        for seconds, ca in enumerate(cas):
            ca.cert_pem.write_to_path(file)
            os.utime(file, (seconds, seconds))
            ca.issue_cert(LOOPBACK).configure_cert(context)
            url = make_url(port, context)
            assert pools.request("GET", url, timeout=Timeout(PATIENT, PATIENT)).data == b"{}"


def test_own_cas_need_not_keep_to_all_rules_for_certificates() -> None:
    """Python 3.13 would refuse those that git accepts."""
    assert not create_tls_context().verify_flags & ssl.VERIFY_X509_STRICT


def test_name_server_that_does_not_answer_is_given_up(
    name_server: SilentNameServer, pools: PoolManager
) -> None:
    with pytest.raises(NameResolutionError):
        pools.request("GET", f"http://{NAME}/", timeout=Timeout(connect=0.1, read=PATIENT))
    assert name_server.asked == [NAME]


def test_all_who_wait_for_a_name_share_its_lookup(name_server: SilentNameServer) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener, ThreadPoolExecutor(4) as threads:
        port = listener.getsockname()[1]
        opened = [threads.submit(open_connection, NAME, port, PATIENT) for _ in range(4)]
        assert name_server.was_asked.wait(PATIENT)
        with pytest.raises(socket.gaierror):
            open_connection(NAME, port, 0.1)
        name_server.may_answer.set()
        for connection in opened:
            connection.result().close()
    assert name_server.asked == [NAME]


def test_silent_name_delays_no_other(name_server: SilentNameServer) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener, ThreadPoolExecutor(1) as threads:
        port = listener.getsockname()[1]
        waiting = threads.submit(open_connection, NAME, port, PATIENT)
        assert name_server.was_asked.wait(PATIENT)
        open_connection("localhost", port, PATIENT).close()
        assert not waiting.done()
        name_server.may_answer.set()
        waiting.result().close()


def test_name_is_looked_up_again_after_an_answer(name_server: SilentNameServer) -> None:
    name_server.may_answer.set()
    with socket.create_server((LOOPBACK, 0)) as listener:
        for _ in range(2):
            open_connection(NAME, listener.getsockname()[1], PATIENT).close()
    assert name_server.asked == [NAME] * 2


@dataclass
class FakeNetwork:
    """Addresses of which only `reachable` answers; `now` is the time in seconds."""

    reachable: int | None
    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def look_up(self, _host: str, port: int, **_: int) -> list[connections.Address]:
        place = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*place, (f"192.0.2.{number}", port)) for number in range(8)]

    def open_socket(self, *_: object) -> "FakeSocket":
        return FakeSocket(self)


class FakeSocket(socket.socket):
    """A socket that waits by moving the network's clock."""

    def __init__(self, network: FakeNetwork) -> None:
        super().__init__()
        self._network = network

    def connect(self, address: Any, /) -> None:  # noqa: ANN401  as in the standard library
        if address[0] != f"192.0.2.{self._network.reachable}":
            self._network.now += self.gettimeout() or 0
            raise TimeoutError("timed out")


def use(network: FakeNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "time", network)
    monkeypatch.setattr(socket, "getaddrinfo", network.look_up)
    monkeypatch.setattr(socket, "socket", network.open_socket)


def test_addresses_of_a_host_share_one_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    network = FakeNetwork(reachable=None)
    use(network, monkeypatch)
    with pytest.raises(TimeoutError):
        open_connection(NAME, 443, 4.0)
    assert network.now == pytest.approx(4.0)


def test_last_address_of_a_host_is_tried_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    network = FakeNetwork(reachable=7)
    use(network, monkeypatch)
    with closing(open_connection(NAME, 443, 4.0)) as connection:
        assert connection.gettimeout() == pytest.approx(0.5)
    assert network.now == pytest.approx(3.5)


def test_name_is_looked_up_again_after_no_thread_could_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(Thread, "start", refuse)
        with pytest.raises(OSError, match="temporarily unavailable"):
            open_connection("localhost", 1, PATIENT)
    with socket.create_server((LOOPBACK, 0)) as listener:
        open_connection("localhost", listener.getsockname()[1], PATIENT).close()
