"""Connections to hosts end in time, whatever resolvers and addresses do."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import pytest

from activities.errors import NoResponseError, PermanentError
from activities.git import hosts
from activities.git.branch_check import BranchChecks
from activities.git.mirror import GitMirror
from fabrics.record.config import GitSource
from settings import Settings

WAIT_SECONDS = 30.0


@dataclass
class Resolver:
    """A resolver that answers some names only once it is `released`."""

    addresses: list[str] = field(default_factory=lambda: ["127.0.0.1"])
    silent_names: frozenset[str] = frozenset()
    released: Event = field(default_factory=Event)
    questions: list[str] = field(default_factory=list)

    def getaddrinfo(self, host: str, *_: object, **__: object) -> list[Any]:
        self.questions.append(host)
        if host in self.silent_names:
            self.released.wait(WAIT_SECONDS)
        stream = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*stream, (address, 0)) for address in self.addresses]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", resolver.getaddrinfo)
    yield resolver
    resolver.released.set()


@contextmanager
def silent_address() -> Iterator[int]:
    """A port of 127.0.0.1 that ignores connections.

    Linux drops SYNs while the queue is full.
    """
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as listener,
        socket.socket() as first,
        socket.socket() as second,
    ):
        for filler in (first, second):
            filler.setblocking(False)
            with suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]


def test_silent_resolver_takes_one_timeout_of_each_use(
    resolver: Resolver, settings: Settings
) -> None:
    resolver.silent_names = frozenset({"git.example.com"})
    hasty = settings.model_copy(update={"connect_timeout": 0.3})
    url = "https://git.example.com/fleet.git"
    source = GitSource(repository=url, branch="main", directory="/", credential="none")

    with pytest.raises(NoResponseError, match="did not answer in time"):
        hosts.connect(url, 0.3)
    with pytest.raises(NoResponseError, match="did not answer in time"):
        GitMirror(source, hasty).fetch(20)
    with pytest.raises(NoResponseError, match="did not answer in time"):
        GitMirror(source, hasty).is_at("1" * 40, BranchChecks(), 20)


def test_silent_name_takes_one_thread_and_delays_no_other(resolver: Resolver) -> None:
    resolver.silent_names = frozenset({"silent.example.com"})

    def ask(_: int) -> None:
        with pytest.raises(NoResponseError):
            hosts.connect("https://silent.example.com/fleet.git", 0.3)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask, range(24)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        hosts.connect(f"https://other.example.com:{port}/fleet.git", WAIT_SECONDS).close()

    assert resolver.questions == ["silent.example.com", "other.example.com"]


def test_name_is_looked_up_again_after_an_answer(resolver: Resolver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for _ in range(2):
            port = listener.getsockname()[1]
            hosts.connect(f"https://git.example.com:{port}/fleet.git", WAIT_SECONDS).close()

    assert resolver.questions == ["git.example.com"] * 2


def test_all_silent_addresses_together_take_one_timeout(resolver: Resolver) -> None:
    resolver.addresses = ["127.0.0.1"] * 20
    with silent_address() as port:
        started = time.monotonic()
        with pytest.raises(NoResponseError, match="did not answer in time"):
            hosts.connect(f"https://git.example.com:{port}/fleet.git", 1.0)

    assert time.monotonic() - started < 10, "one timeout for each address would be 20 s"


def test_address_after_a_silent_one_is_tried_in_time(resolver: Resolver) -> None:
    resolver.addresses = ["127.0.0.1", "127.0.0.2"]
    with silent_address() as port, socket.create_server(("127.0.0.2", port)):
        connection = hosts.connect(f"https://git.example.com:{port}/fleet.git", 4.0)
        with connection:
            assert connection.getpeername() == ("127.0.0.2", port)


def test_refused_connection_is_the_error_of_a_host() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/fleet.git"
    with pytest.raises(NoResponseError, match="nothing listens there"):
        hosts.connect(url, WAIT_SECONDS)


def test_unknown_name_is_the_error_of_a_host() -> None:
    with pytest.raises(NoResponseError, match="does not resolve"):
        hosts.connect("https://unknown.invalid/fleet.git", WAIT_SECONDS)


def test_impossible_name_is_permanent() -> None:
    with pytest.raises(PermanentError, match="is not a usable URL"):
        hosts.connect("https://git..example.com/fleet.git", WAIT_SECONDS)
