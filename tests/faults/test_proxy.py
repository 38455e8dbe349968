"""Each fault does to an exchange what its name says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
import requests
from aiohttp import web
from requests.exceptions import ChunkedEncodingError, ConnectionError, ReadTimeout

from tests.support.faults import faults
from tests.support.faults.faults import BY_NAME, HANG, LASTING_TIMES, Dependency
from tests.support.faults.proxy import Elsewhere, FaultyProxy, Injection, run_proxy, serve
from workflows.activity_errors import MAX_ATTEMPTS

TIMEOUT_SECONDS = 60
"""For what answers, on a busy machine."""

SHORT_TIMEOUT_SECONDS = 3
"""For what hangs."""
STEP = "POST dcim/devices"


@dataclass
class Server:
    """A NetBox that counts the requests that it gets."""

    requests: list[str] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer with a row once it `answers`."""
        self.requests.append(request.path_qs)
        await self.answers.wait()
        return web.json_response({"id": 1}, headers={"ETag": "one"})


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    """A server and its URL."""
    server = Server()
    async with serve(server.handle, None) as port:
        yield server, f"http://127.0.0.1:{port}"


@pytest.fixture
async def proxy(server: tuple[Server, str]) -> AsyncIterator[FaultyProxy]:
    """A proxy before that server, whose requests tell the fabric only in their body."""
    async with run_proxy(
        Dependency.NETBOX,
        server[1],
        lambda text: "dc1" if "dc1" in text else "",
        Elsewhere("http://127.0.0.1:1").url,
    ) as proxy:
        yield proxy


async def post(
    proxy: FaultyProxy, fabric: str = "dc1", seconds: float = TIMEOUT_SECONDS
) -> requests.Response:
    """Create a device."""
    return await asyncio.to_thread(
        requests.post,
        f"{proxy.url}/api/dcim/devices/?limit=1",
        json=[{"hh_fabric": fabric}],
        timeout=seconds,
        allow_redirects=False,
    )


def inject(proxy: FaultyProxy, fault: str, times: int = 1) -> Injection:
    """Let a fault strike the creation of devices."""
    return proxy.inject(BY_NAME[fault], STEP, "dc1", times)


async def test_other_exchanges_are_forwarded(proxy: FaultyProxy) -> None:
    injection = inject(proxy, "500")
    answer = await post(proxy, "dc2-but-not-told")
    assert (answer.status_code, injection.hits) == (500, 1)  # it may be anybody's
    answer = await post(proxy)
    assert (answer.json(), answer.headers["ETag"]) == ({"id": 1}, "one")
    assert proxy.exchanges == {("", STEP): 1, ("dc1", STEP): 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 412, 429, 500, 503])
async def test_refusals_do_not_reach_the_server(
    server: tuple[Server, str], proxy: FaultyProxy, status: int
) -> None:
    injection = inject(proxy, str(status))
    answer = await post(proxy)
    assert (answer.status_code, server[0].requests) == (status, [])
    assert ("Retry-After" in answer.headers) == (status in (429, 503))
    assert injection.over.is_set()
    assert injection.ended is not None


async def test_bad_gateway_hides_what_was_done(
    server: tuple[Server, str], proxy: FaultyProxy
) -> None:
    inject(proxy, "502")
    assert (await post(proxy)).status_code == 502
    assert len(server[0].requests) == 1


async def test_page_and_redirects(proxy: FaultyProxy) -> None:
    inject(proxy, "html")
    inject(proxy, "redirect 307")
    assert "Please log in" in (await post(proxy)).text
    answer = await post(proxy)
    assert (answer.status_code, answer.headers["Location"]) == (
        307,
        "http://127.0.0.1:1/api/dcim/devices/",
    )


@pytest.mark.parametrize(
    ("fault", "error", "requests_received"),
    [
        ("drop", ConnectionError, 1),
        ("reset", ConnectionError, 0),
        ("truncate", ChunkedEncodingError, 1),
        ("hang", ReadTimeout, 1),
    ],
)
async def test_broken_answers(
    server: tuple[Server, str],
    proxy: FaultyProxy,
    fault: str,
    error: type[Exception],
    requests_received: int,
) -> None:
    injection = inject(proxy, fault)
    with pytest.raises(error):
        await post(proxy, seconds=SHORT_TIMEOUT_SECONDS)
    await asyncio.wait_for(injection.over.wait(), TIMEOUT_SECONDS)
    assert len(server[0].requests) == requests_received
    assert (await post(proxy)).ok


@pytest.mark.parametrize("fault", ["delay", "drip"])
async def test_slow_answers_are_whole(proxy: FaultyProxy, fault: str) -> None:
    inject(proxy, fault)
    with patch.object(faults, "DELAY_SECONDS", 0.1), patch.object(faults, "DRIP_SECONDS", 0.3):
        assert (await post(proxy)).json() == {"id": 1}


async def test_fault_strikes_as_often_as_asked(proxy: FaultyProxy) -> None:
    injection = inject(proxy, "500", times=2)
    statuses = [(await post(proxy)).status_code for _ in range(3)]
    assert (statuses, injection.hits) == ([500, 500, 200], 2)
    assert injection.has_struck


@pytest.mark.parametrize(("times", "needed"), [(1, 1), (2, 2), (LASTING_TIMES, MAX_ATTEMPTS)])
async def test_fault_has_struck_after_all_attempts_of_an_activity(
    proxy: FaultyProxy, times: int, needed: int
) -> None:
    injection = inject(proxy, "500", times)
    for _ in range(needed):
        assert not injection.has_struck
        await post(proxy)
    assert injection.has_struck


async def test_fault_that_comes_after_its_client_has_left_has_not_struck(
    server: tuple[Server, str], proxy: FaultyProxy
) -> None:
    server[0].answers.clear()
    injection = inject(proxy, "drop")
    with pytest.raises(ReadTimeout):
        await post(proxy, seconds=SHORT_TIMEOUT_SECONDS)
    await asyncio.wait_for(injection.over.wait(), TIMEOUT_SECONDS)
    assert (injection.hits, injection.has_struck) == (1, False)


async def test_step_is_reached_once_the_server_has_answered(
    server: tuple[Server, str], proxy: FaultyProxy
) -> None:
    injection = proxy.inject(HANG, STEP, "dc1")
    posting = asyncio.create_task(post(proxy, seconds=SHORT_TIMEOUT_SECONDS))
    await injection.reached.wait()
    assert len(server[0].requests) == 1
    with pytest.raises(ReadTimeout):
        await posting
