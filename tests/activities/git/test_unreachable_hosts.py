"""Hosts of repositories that cannot be reached cost one timeout, and are named."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.connections import Deadline
from activities.credentials import GitAccess
from activities.errors import NoResponseError, PermanentError
from activities.git.branch_check import BranchChecks
from activities.git.mirror import GitMirror
from activities.git.validation import check_host_reachable
from fabrics.record.config import GitSource
from settings import Settings
from tests.support.system.silent_name_server import NAME, SilentNameServer

COMMIT = "1" * 40
PATIENT = 60.0

type Contact = Callable[[str, Deadline], object]


def make_source(url: str) -> GitSource:
    return GitSource(repository=url, branch="main", directory="/", credential="none")


def check_branch(url: str, deadline: Deadline) -> None:
    deadlines = deadline, Deadline.after(PATIENT)
    BranchChecks().is_at(COMMIT, make_source(url), GitAccess(Path("none")), deadlines)


@pytest.fixture(params=[check_host_reachable, check_branch])
def contact(request: pytest.FixtureRequest) -> Contact:
    """A use of a connection to a host."""
    use: Contact = request.param
    return use


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_host_that_refuses_connections_is_named(contact: Contact, scheme: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"{scheme}://127.0.0.1:{free.getsockname()[1]}/fleet.git"
    with pytest.raises(NoResponseError, match="refused the connection: nothing listens there"):
        contact(url, Deadline.after(PATIENT))


def test_unknown_name_is_named(contact: Contact) -> None:
    with pytest.raises(NoResponseError, match="its host name does not resolve"):
        contact("https://unknown.invalid/fleet.git", Deadline.after(PATIENT))


@pytest.mark.parametrize("host", ["git..example.com", f"{'x' * 64}.example.com"])
def test_impossible_name_is_permanent(contact: Contact, host: str) -> None:
    with pytest.raises(PermanentError, match="is not a usable URL"):
        contact(f"https://{host}/fleet.git", Deadline.after(PATIENT))


def test_host_is_not_contacted_after_the_deadline(contact: Contact) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/fleet.git"
        with pytest.raises(NoResponseError, match="did not answer in time"):
            contact(url, Deadline.after(0))
        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_silent_name_server_costs_one_connect_timeout_of_each_use(
    name_server: SilentNameServer, settings: Settings
) -> None:
    hasty = settings.model_copy(update={"connect_timeout": 0.3})
    mirror = GitMirror(make_source(f"https://{NAME}/fleet.git"), hasty)
    started = time.monotonic()
    with pytest.raises(NoResponseError, match="its host name does not resolve"):
        mirror.fetch(Deadline.after(PATIENT))
    with pytest.raises(NoResponseError, match="its host name does not resolve"):
        mirror.is_at(COMMIT, BranchChecks(), Deadline.after(PATIENT))
    assert time.monotonic() - started < PATIENT
    assert name_server.asked == [NAME]
