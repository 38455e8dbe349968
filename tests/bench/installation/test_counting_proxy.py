"""What passes through a counting proxy is counted."""

import asyncio
from collections import Counter

import urllib3

from bench.installation.counting_proxy import RequestCounter, Traffic, counting_proxy
from bench.installation.static_api import StaticKubernetesApi, static_api


def count_requests(*pieces: bytes) -> Counter[str]:
    """Return the requests in what arrives in these pieces."""
    requests: Counter[str] = Counter()
    counter = RequestCounter(requests)
    for piece in pieces:
        counter.feed(piece)
    return requests


def test_counts_requests_by_method() -> None:
    get, post = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a HTTP/1.1\r\n\r\n{}"
    assert count_requests(get + post, get) == {"GET": 2, "POST": 1}


def test_counts_a_request_line_that_arrives_in_pieces_once() -> None:
    assert count_requests(b"PATCH /api/", b"clusters/1/ HTTP/1", b".1\r", b"\nHost: x\r\n") == {
        "PATCH": 1
    }


def test_a_body_is_no_request() -> None:
    body = b'{"text": "GET /a HTTP/1.1"}' + b"x" * 20_000
    assert count_requests(b"POST /a HTTP/1.1\r\n\r\n", body) == {"POST": 1}


def test_traffic_since_an_earlier_moment() -> None:
    earlier = Traffic(1, Counter(GET=2), 30, 400)
    later = Traffic(2, Counter(GET=5, POST=1), 90, 1000)
    assert later.since(earlier) == Traffic(1, Counter(GET=3, POST=1), 60, 600)


async def test_counts_what_passes_through_a_proxy_with_tls() -> None:
    api = StaticKubernetesApi()
    api.serve("default", [])
    async with static_api(api) as server, counting_proxy(server, api.auth) as (url, proxy):
        responses = await asyncio.to_thread(_get_twice, url, api)
        traffic = proxy.read_traffic()
    assert responses == [200, 200]
    assert traffic.connections == 1
    assert traffic.requests == {"GET": 2}
    assert traffic.sent_bytes > 0
    assert traffic.received_bytes > 0


def _get_twice(url: str, api: StaticKubernetesApi) -> list[int]:
    headers = {"Authorization": f"Bearer {api.auth.token}"}
    with urllib3.PoolManager(ca_cert_data=api.auth.ca_cert, headers=headers) as connections:
        path = f"{url}/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers"
        return [connections.request("GET", path).status for _ in range(2)]
