"""Fixtures of the whole suite. Servers start when the first test needs them."""

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest

from activities import setup
from activities.netbox.client import NetBox
from stack.stack import Stack
from tests.support.netbox.used_permissions import USED
from tests.support.system.fresh_installation import fresh_installation
from tests.support.system.installation import Installation

pytest_plugins = ("tests.support.faults.results", "tests.support.netbox.permission_check")


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes of a suite that runs in the background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The same examples in each run, so that failures follow from changes. `make soak` tries new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new-examples", deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")


STARTED_BY = {"stack", "env"}
"""The fixtures with which a test's servers start."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests with such a fixture, so that `make check` runs the others only."""
    if isinstance(item, pytest.Function) and STARTED_BY.intersection(item.fixturenames):
        item.add_marker("server")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--pictures DIR`, which keeps the screenshots of the browser tests."""
    parser.addoption("--pictures", metavar="DIR", help="keep the pictures for the documentation")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run the real Temporal, NetBox and Git server, once for all tests."""
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    with ExitStack() as exits:
        assert capture is not None
        with capture.global_and_fixture_disabled():  # the first start takes minutes: show progress
            stack = exits.enter_context(Stack(_print_progress))
        yield stack


@pytest.fixture(scope="session")
def admin(stack: Stack) -> Iterator[NetBox]:
    """Return a client of NetBox as its superuser, after `starter.py setup`."""
    netbox = NetBox(stack.netbox.url, stack.netbox.token, connect_timeout=5, timeout=60)
    for _ in setup.apply(netbox, setup.all_items(stack.temporal.ui_url, "default")):
        pass
    yield netbox
    netbox.close()


@pytest.fixture(scope="session")
def constrained_token(admin: NetBox) -> str:
    """Return the constrained user's token, for workers and the command line."""
    token = setup.issue_token(admin)
    assert token is not None
    USED.tokens.add(token)
    return token


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """An exit stack that closes after the test."""
    with ExitStack() as exits:
        yield exits


@pytest.fixture
async def installation(
    stack: Stack, admin: NetBox, constrained_token: str, tmp_path: Path, cleanup: ExitStack
) -> AsyncIterator[Installation]:
    """The real stack, empty and with a new task queue; cleared after the test."""
    async with fresh_installation(
        stack, admin, constrained_token, tmp_path, cleanup
    ) as installation:
        yield installation


def _print_progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # pytest-xdist does not show stdout
