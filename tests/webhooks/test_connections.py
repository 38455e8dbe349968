"""Connections to the receiver: each gets an answer, and none can take much."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from tests.support.system.installation import wait_until
from tests.support.webhooks import senders
from tests.support.webhooks.raw_http import (
    RawConnection,
    connected,
    exchange,
    in_http,
    read_status,
    silent_connections,
)
from webhooks import connections
from webhooks.connections import (
    MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_CLIENT,
    MAX_HEADER_BYTES,
    find_excess,
    get_network,
)
from webhooks.payloads import PushEvent
from webhooks.receiver import MAX_BODY_BYTES, WARNING_LOGGERS, create_app
from webhooks.repetitions import limited_warnings
from webhooks.server import running_server

PUSH: Final = senders.github(senders.push("git.example.com/net/dc1"))
HEADERS, BODY = PUSH
SIGNATURE: Final = f"X-Hub-Signature-256: {HEADERS['X-Hub-Signature-256']}"
WRONG_SIGNATURE: Final = "X-Hub-Signature-256: sha256=0"
UPGRADE: Final = ("Connection: Upgrade", "Upgrade: websocket")

START: Final = b"POST /git HTTP/1.1\r\nHost: here\r\n"
CHUNKED: Final = START + b"Transfer-Encoding: chunked\r\n"
CHUNK: Final = b"1\r\nx\r\n"

FLOOD: Final = "127.0.0.2"
"""The address of a client that opens too many connections."""

ANSWERS: Final = {
    "signed": (in_http(PUSH), 202),
    "unsigned": (in_http(({}, BODY)), 401),
    "right signature, then a wrong one": (in_http(PUSH, WRONG_SIGNATURE), 202),
    "wrong signature, then the right one": (in_http(({}, BODY), WRONG_SIGNATURE, SIGNATURE), 401),
    "other path": (in_http(PUSH, path="/"), 404),
    "path without slash": (in_http(PUSH, path="*"), 404),
    "URL as path": (in_http(PUSH, path="http://elsewhere/git"), 404),
    "other method": (in_http(PUSH, method="DELETE"), 405),
    "HEAD": (in_http(({}, b""), method="HEAD"), 405),
    "CONNECT": (in_http(({}, b""), method="CONNECT"), 405),
    "HTTP/1.0": (in_http(PUSH, version="1.0"), 202),
    "HTTP/0.9": (b"GET /git\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 404),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100), 400),
    "no host": (in_http(PUSH).replace(b"Host: here\r\n", b""), 400),
    "upgrade": (in_http(PUSH, *UPGRADE), 202),
    "two requests at once": (in_http(PUSH) * 2, 202),
    "longer body than stated": (in_http(PUSH) + b"more", 202),
    "much after the last request": (in_http(PUSH, "Connection: close") + b"more" * 1_000, 202),
    "longer body than allowed": (in_http(PUSH, length=MAX_BODY_BYTES + 1), 413),
    "negative length": (in_http(PUSH, length=-1), 400),
    "length of 5,000 digits": (in_http(PUSH, length="1" * 5_000), 400),
    "length that is no number": (in_http(PUSH, length="all"), 400),
    "two lengths": (in_http(PUSH, "Content-Length: 1"), 400),
    "chunks": (CHUNKED + b"\r\n" + CHUNK + b"0\r\n\r\n", 411),
    "chunks and a length": (CHUNKED + b"Content-Length: 1\r\n\r\n" + CHUNK, 411),
    "chunks without end": (CHUNKED + b"\r\n" + CHUNK * 20_000, 411),
    "chunks that wait to be asked for": (CHUNKED + b"Expect: 100-continue\r\n\r\n", 411),
    "broken chunks": (CHUNKED.replace(b"POST", b"HEAD") + b"\r\nmore\r\n", 400),
    "deep JSON": (in_http(senders.github(b'{"a":' * 100_000)), 400),
    "long number": (in_http(senders.github(b'{"a":' + b"1" * 100_000 + b"}")), 400),
    "long header": (START + b"X: " + b"x" * (MAX_HEADER_BYTES + 1024), 400),
    "many headers": (START + b"a:\r\n" * (MAX_HEADER_BYTES // 4 + 300) + b"\r\n", 400),
    "control characters in a header": (START + b"X: \x1b[2K\r\n\r\n", 401),
    "NUL in a header": (START + b"X: \x00\r\n\r\n", 400),
}

LATE: Final = {
    "nothing": b"",
    "half a header": START,
    "shorter body than stated": in_http(PUSH, length=len(BODY) + 1),
}


@dataclass
class Receiver:
    """A running receiver, and what it accepted."""

    url: str = ""
    records: list[int] = field(default_factory=list)
    pushes: list[PushEvent] = field(default_factory=list)


@pytest.fixture
async def receiver(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Receiver]:
    """A receiver without Temporal and NetBox, in which nothing may fail."""
    received = Receiver()
    app = create_app(lambda: [senders.SECRET], received.records.append, received.pushes.append)
    async with running_server(app, "127.0.0.1", 0) as received.url:
        yield received
    assert [r.getMessage() for r in caplog.get_records("call") if r.levelno >= logging.ERROR] == []


async def wait_until_open(opened: list[RawConnection], count: int) -> None:
    """Wait until the receiver has closed all but so many of these connections."""

    async def count_open() -> int:
        return sum(connection.is_open for connection in opened)

    await wait_until(count_open, lambda found: found <= count, seconds=30)
    assert await count_open() == count


@pytest.mark.parametrize(("data", "status"), ANSWERS.values(), ids=ANSWERS)
async def test_each_request_has_one_answer_and_ends_its_connection(
    receiver: Receiver, data: bytes, status: int
) -> None:
    answer = await exchange(receiver.url, data)
    assert read_status(answer) == status
    assert answer.count(b"HTTP/1.1 ") == answer.lower().count(b"connection: close") == 1
    assert len(receiver.pushes) == (status == 202)


@pytest.mark.parametrize("data", LATE.values(), ids=LATE)
async def test_connection_without_a_whole_request_ends_at_its_deadline(
    receiver: Receiver, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTION_TIMEOUT_SECONDS", 0.1)
    assert read_status(await exchange(receiver.url, data)) == 408


async def test_deadline_is_that_of_the_whole_connection(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTION_TIMEOUT_SECONDS", 1.0)
    async with connected(receiver.url) as connection:

        async def drip() -> bool:
            with suppress(ConnectionError):
                await connection.send(b"x")
            return connection.is_open

        await connection.send(START + b"X: ")
        await wait_until(drip, lambda is_open: not is_open, seconds=30)


async def test_body_is_asked_for_if_the_sender_waits(receiver: Receiver) -> None:
    async with connected(receiver.url) as connection:
        head, _, body = in_http(PUSH, "Expect: 100-continue").partition(b"\r\n\r\n")
        await connection.send(head + b"\r\n\r\n")
        assert b"HTTP/1.1 100" in await connection.reader.readuntil(b"\r\n\r\n")
        await connection.send(body)
        assert read_status(await connection.read_answer()) == 202


async def test_answer_waits_for_a_body_that_nobody_reads(receiver: Receiver) -> None:
    async with connected(receiver.url) as connection:
        head, _, body = in_http(PUSH, path="/other").partition(b"\r\n\r\n")
        for part in (head + b"\r\n\r\n", body[:10], body[10:]):
            await connection.send(part)
        assert read_status(await connection.read_answer()) == 404


async def test_what_follows_a_request_does_not_disturb_its_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun, may_answer = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Request(scope, receive).body()
        if scope["path"] == "/slow":
            begun.set()
            await may_answer.wait()
        await PlainTextResponse("Accepted.", 202)(scope, receive, send)

    async with running_server(app, "127.0.0.1", 0) as url, connected(url) as connection:
        await connection.send(in_http(PUSH, "Connection: close", path="/slow"))
        await begun.wait()
        await connection.send(b"more")
        await exchange(url, in_http(PUSH))  # so that it has arrived
        may_answer.set()
        assert read_status(await connection.read_answer()) == 202
    assert caplog.messages == []


async def test_chunks_that_arrive_one_by_one_do_not_hide_their_refusal(receiver: Receiver) -> None:
    async with connected(receiver.url) as connection:
        await connection.send(CHUNKED + b"\r\n")
        assert b"HTTP/1.1 411" in await connection.reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            await connection.send(CHUNK)
        assert await connection.read_answer() == b""


async def test_silent_connections_of_one_client_are_bounded(receiver: Receiver) -> None:
    async with silent_connections(receiver.url, [FLOOD] * 100) as opened:
        await wait_until_open(opened, MAX_CONNECTIONS_PER_CLIENT)
        assert all(connection.is_open for connection in opened[-MAX_CONNECTIONS_PER_CLIENT:])


async def test_silent_connections_of_many_clients_are_bounded(receiver: Receiver) -> None:
    sources = [f"127.0.1.{number}" for number in range(1, 101)]
    async with silent_connections(receiver.url, sources) as opened:
        await wait_until_open(opened, MAX_CONNECTIONS)
        assert read_status(await exchange(receiver.url, in_http(PUSH))) == 202


async def test_flood_of_one_client_turns_no_other_away(receiver: Receiver) -> None:
    async with connected(receiver.url) as early:
        data = in_http(PUSH)
        await early.send(data[:100])
        async with silent_connections(receiver.url, [FLOOD] * 200):
            assert read_status(await exchange(receiver.url, data)) == 202
            await early.send(data[100:])
            assert read_status(await early.read_answer()) == 202


async def test_flood_of_one_client_does_not_turn_its_own_next_request_away(
    receiver: Receiver,
) -> None:
    async with silent_connections(receiver.url, ["127.0.0.1"] * 100):
        assert read_status(await exchange(receiver.url, in_http(PUSH))) == 202


async def test_connections_after_their_answer_do_not_count(receiver: Receiver) -> None:
    async with connected(receiver.url, FLOOD) as early:
        await early.send(START)
        for _ in range(MAX_CONNECTIONS_PER_CLIENT + 1):
            async with connected(receiver.url, FLOOD) as connection:
                await connection.send(in_http(({}, BODY)))
                assert read_status(await connection.read_answer()) == 401
        assert early.is_open


async def test_receiver_stops_with_connections_in_any_state(
    caplog: pytest.LogCaptureFixture,
) -> None:
    starts = (b"", START, b"\x16\x03\x01", CHUNKED + b"\r\n" + CHUNK, in_http(PUSH)[:-1])
    app = create_app(lambda: [senders.SECRET], print, print)
    async with AsyncExitStack() as clients, running_server(app, "127.0.0.1", 0) as url:
        for data in starts:
            connection = await clients.enter_async_context(connected(url))
            await connection.send(data)
        assert read_status(await exchange(url, in_http(PUSH))) == 202
    assert caplog.messages == ["Invalid HTTP request received."]


async def test_replayed_webhook_is_the_same_hint(receiver: Receiver) -> None:
    for _ in range(3):
        assert read_status(await exchange(receiver.url, in_http(PUSH))) == 202
    assert len(receiver.pushes) == 3
    assert len(set(receiver.pushes)) == 1


async def test_bad_requests_are_logged_once_a_minute(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with limited_warnings(*WARNING_LOGGERS):
        for data in [in_http(({}, BODY)), b"\x16\x03\x01", in_http(PUSH, *UPGRADE)] * 5:
            await exchange(receiver.url, data)
    logged = Counter(record.getMessage() for record in caplog.records)
    assert "Rejected a request to /git: its signature is missing or wrong." in logged
    assert "Invalid HTTP request received." in logged
    assert set(logged.values()) == {1}


@dataclass(frozen=True)
class FakeConnection:
    network: bytes
    accepted: float


def test_oldest_connection_of_a_client_with_too_many_is_the_excess() -> None:
    own = [FakeConnection(b"a", 10 + age) for age in range(MAX_CONNECTIONS_PER_CLIENT)]
    others = [FakeConnection(bytes([age]), age) for age in range(5)]
    newest = FakeConnection(b"a", 100)
    assert find_excess([*others, *own], own[-1]) is None
    assert find_excess([*others, *own, newest], newest) == own[0]


def test_oldest_connection_of_the_client_with_most_is_the_excess() -> None:
    many = [FakeConnection(b"b", 50 - age) for age in range(10)]
    others = [FakeConnection(bytes([age]), age) for age in range(MAX_CONNECTIONS - 10)]
    newest = FakeConnection(b"c", 100)
    assert find_excess([*others, *many, newest], newest) == many[-1]


@given(st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=300))
def test_no_sequence_of_connections_goes_beyond_a_bound(networks: list[bytes]) -> None:
    kept = set[FakeConnection]()
    for time, network in enumerate(networks):
        newest = FakeConnection(network, time)
        kept.add(newest)
        if excess := find_excess(kept, newest):
            kept.remove(excess)
        assert newest in kept
        assert len(kept) <= MAX_CONNECTIONS
        assert max(Counter(c.network for c in kept).values()) <= MAX_CONNECTIONS_PER_CLIENT


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
    ],
)
def test_client_is_an_ipv4_address_or_an_ipv6_network(
    first: str, second: str, is_same: bool
) -> None:
    assert (get_network(first) == get_network(second)) is is_same
