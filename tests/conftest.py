"""Fixtures of the whole suite. They start what they give when the first test asks for it."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import hypothesis
import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from activities import setup
from activities.netbox.client import CLUSTERS_PATH, NetBox
from stack.kubernetes.api import kubernetes_api
from stack.stack import Stack
from tests.support.system.installation import Installation


def pytest_configure() -> None:
    """Ctrl-C works in what tests start, also where a shell has the suite in its background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The same examples each time: a change is judged by what it does, not by luck. `make soak` looks for new ones.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("new-examples", deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--pictures DIR` keeps what the tests in a browser saw."""
    parser.addoption("--pictures", metavar="DIR", help="keep the pictures for the documentation")


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The real Temporal, NetBox and Git server, one for the whole run."""
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    with ExitStack() as cleanup:
        assert capture is not None
        with capture.global_and_fixture_disabled():  # the first start takes minutes: say why
            running = cleanup.enter_context(Stack(_say))
        yield running


@pytest.fixture(scope="session")
def admin(stack: Stack) -> Iterator[NetBox]:
    """The NetBox as its superuser, set up as `starter.py setup` does."""
    netbox = NetBox(stack.netbox.url, stack.netbox.token, connect_timeout=5, timeout=60)
    for _ in setup.apply(netbox, setup.all_items(stack.temporal.ui_url, "default")):
        pass
    yield netbox
    netbox.close()


@pytest.fixture(scope="session")
def constrained_token(admin: NetBox) -> str:
    """The token of the user that workers and the command line are."""
    token = setup.issue_token(admin)
    assert token is not None
    return token


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """What ends with the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
async def installation(
    stack: Stack, admin: NetBox, constrained_token: str, tmp_path: Path, running: ExitStack
) -> AsyncIterator[Installation]:
    """The real stack without a record, with a queue of its own; nothing of it stays for others."""
    client = await Client.connect(stack.temporal.address, data_converter=pydantic_data_converter)
    await _clear(client, admin)
    yield Installation(
        stack=stack,
        client=client,
        admin=admin,
        token=constrained_token,
        folder=tmp_path,
        apis=lambda: running.enter_context(kubernetes_api()),
    )
    await _clear(client, admin)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # of stdout, nothing is seen of tests beside others


async def _clear(client: Client, admin: NetBox) -> None:
    await _terminate_all(client)
    await asyncio.to_thread(_delete_records, admin)


def _delete_records(admin: NetBox) -> None:
    for record in admin.list_records():
        admin.delete(CLUSTERS_PATH, record["id"])


async def _terminate_all(client: Client) -> None:
    """A fleet looks after all loops of its namespace, so tests share it one after the other."""
    async for execution in client.list_workflows("ExecutionStatus = 'Running'"):
        with suppress(RPCError):  # it has just ended
            await client.get_workflow_handle(execution.id).terminate()
