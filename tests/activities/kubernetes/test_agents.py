"""Reading agents: Tables for health, and full Agents for facts."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, override
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes.client import Configuration

from activities.errors import PermanentError, TransientError
from activities.kubernetes import agents, requests
from activities.kubernetes.access import KubernetesAccess
from activities.kubernetes.agents import add_heartbeats, read_agent_facts, read_agent_table
from activities.kubernetes.clients import KubernetesClient
from activities.kubernetes.requests import ApiRequests, ForbiddenError
from fabrics.agents.heartbeat import Heartbeat
from fabrics.agents.table import AGENT_TABLE, GATEWAY_AGENT_TABLE, AgentListing, AgentReading
from fabrics.record.config import KubernetesTarget
from settings import Settings
from tests.support.agents.observed import make_agent
from tests.support.agents.tables import AGENT_COLUMNS, GATEWAY_AGENT_COLUMNS, print_table

AGENTS = "/apis/agent.githedgehog.com/v1beta1/namespaces/default/agents"
GATEWAY_AGENTS = "/apis/gwint.githedgehog.com/v1alpha1/namespaces/default/gatewayagents"

type Response = tuple[int, bytes]


class AgentApi:
    """An API with prepared responses to lists, of which the last one stays."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.responses: dict[str, list[Response]] = {
            AGENTS: [(200, print_table(AGENT_COLUMNS))],
            GATEWAY_AGENTS: [(200, print_table(GATEWAY_AGENT_COLUMNS))],
        }
        self.requests: list[tuple[str, dict[str, list[str]], str]] = []

    @property
    def target(self) -> KubernetesTarget:
        return KubernetesTarget(server=self.server, namespace="default", credential="lab")

    @property
    def client(self) -> KubernetesClient:
        configuration = Configuration(host=self.server)
        return KubernetesClient.open(KubernetesAccess.from_configuration(configuration, "lab"))

    def answer(self, url: str, accepted: str) -> Response:
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
        self.requests.append((path, query, accepted))
        responses = self.responses[path]
        return responses.pop(0) if len(responses) > 1 else responses[0]


@pytest.fixture
def api() -> Iterator[AgentApi]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = found.answer(self.path, self.headers["Accept"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = AgentApi(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def settings() -> Settings:
    return Settings(connect_timeout=20, read_timeout=20)


def row(name: str) -> dict[str, Any]:
    return {"Name": name, "CurrentG": 2, "AppliedG": 2}


def agent_list(*items: dict[str, Any], token: str = "") -> bytes:
    body = {"kind": "AgentList", "metadata": {"continue": token}, "items": list(items)}
    return json.dumps(body).encode()


def test_tables_are_paged_and_leave_out_the_objects(api: AgentApi, settings: Settings) -> None:
    api.responses[AGENTS] = [
        (200, print_table(AGENT_COLUMNS, row("leaf-01"), continue_token="next")),
        (200, print_table(AGENT_COLUMNS, row("leaf-02"))),
    ]
    api.responses[GATEWAY_AGENTS] = [(200, print_table(GATEWAY_AGENT_COLUMNS, row("gateway-1")))]

    requests = ApiRequests(api.client, api.target, settings)
    switches, gateways = (
        read_agent_table(requests, table) for table in (AGENT_TABLE, GATEWAY_AGENT_TABLE)
    )

    assert sorted(switches.readings) == ["leaf-01", "leaf-02"]
    assert gateways.readings == {"gateway-1": AgentReading("gateway-1", 2, 2, has_reported=True)}
    assert [path for path, _, _ in api.requests] == [AGENTS, AGENTS, GATEWAY_AGENTS]
    assert [query.get("continue") for _, query, _ in api.requests] == [None, ["next"], None]
    for _, query, accepted in api.requests:
        assert (query["limit"], query["includeObject"]) == (["500"], ["None"])
        assert accepted == "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (
            403,
            "list agents.agent.githedgehog.com in the namespace default: bind deploy/clusterrole-health.yaml",
        ),
        (401, "refused the credential lab"),
        (404, "serves no agents."),
        (406, "refused the request (HTTP 406)"),
        (301, "redirects elsewhere"),
    ],
)
def test_what_somebody_has_to_change_is_a_problem_of_the_listing(
    status: int, sentence: str, api: AgentApi, settings: Settings
) -> None:
    api.responses[AGENTS] = [(status, b"")]
    problem = read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE).problem
    assert problem.startswith(f"The Kubernetes API at {api.server} ")
    assert sentence in problem


def test_api_that_sends_objects_instead_leaks_none_of_them(
    api: AgentApi, settings: Settings
) -> None:
    api.responses[AGENTS] = [(200, agent_list(make_agent("leaf-01", {})))]
    listing = read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE)
    assert "does not respond as a Kubernetes API does" in listing.problem
    assert "s3cret" not in repr(listing)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_a_retry_may_solve_is_raised(status: int, api: AgentApi, settings: Settings) -> None:
    api.responses[AGENTS] = [(status, b"")]
    with pytest.raises(TransientError):
        read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE)


def test_list_starts_anew_when_its_token_expires(api: AgentApi, settings: Settings) -> None:
    first = (200, print_table(AGENT_COLUMNS, row("leaf-01"), continue_token="next"))
    api.responses[AGENTS] = [first, (410, b""), (200, print_table(AGENT_COLUMNS, row("leaf-02")))]
    listing = read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE)
    assert list(listing.readings) == ["leaf-02"]

    api.responses[AGENTS] = [first, (410, b"")] * 3
    with pytest.raises(TransientError, match="changes faster"):
        read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE)


def test_list_is_bounded(
    api: AgentApi, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.responses[AGENTS] = [(200, print_table(AGENT_COLUMNS, continue_token="next"))]
    problem = read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE).problem
    assert "has more than 10000 agents." in problem

    monkeypatch.setattr(agents, "_MAX_TABLE_BYTES", 1 << 20)
    monkeypatch.setattr(requests, "CHUNK_BYTES", 1 << 16)
    api.responses[AGENTS] = [(200, b" " * (2 << 20))]
    problem = read_agent_table(ApiRequests(api.client, api.target, settings), AGENT_TABLE).problem
    assert "sent more than 1 MB" in problem


def test_whole_and_single_agents_are_bounded(
    api: AgentApi, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_facts() -> None:
        read_agent_facts(ApiRequests(api.client, api.target, settings))

    monkeypatch.setattr(agents, "_MAX_FACTS_PAGES", 3)
    monkeypatch.setattr(agents, "_MAX_FACTS_BYTES", 1 << 20)
    monkeypatch.setattr(requests, "CHUNK_BYTES", 1 << 16)
    api.responses[AGENTS] = [(200, agent_list(token="next"))]
    with pytest.raises(PermanentError, match=r"has more than 15 agents\."):
        read_facts()
    api.responses[AGENTS] = [(200, b" " * (2 << 20))]
    with pytest.raises(PermanentError, match="sent more than 1 MB"):
        read_facts()

    api.responses[f"{AGENTS}/leaf-01"] = [(200, b" " * (3 << 20))]
    single = ApiRequests(api.client, api.target, settings)
    problem = add_heartbeats(single, AGENT_TABLE, AgentListing(), ["leaf-01"]).problem
    assert "sent more than 2 MB" in problem


def print_agent(name: str, **status: object) -> bytes:
    return json.dumps(make_agent(name, {}) | {"status": status}).encode()


def test_single_agents_say_when_they_sent_their_last_heartbeat(
    api: AgentApi, settings: Settings
) -> None:
    api.responses |= {
        f"{AGENTS}/leaf-01": [(200, print_agent("leaf-01", lastHeartbeat="1970-01-01T00:01:00Z"))],
        f"{AGENTS}/leaf-02": [(200, print_agent("leaf-02"))],
        f"{AGENTS}/leaf-03": [(200, print_agent("leaf-03", lastHeartbeat=4))],
        f"{AGENTS}/leaf-04": [(404, b"")],
    }
    names = ["leaf-01", "leaf-02", "leaf-03", "leaf-04"]
    requests = ApiRequests(api.client, api.target, settings)
    listing = add_heartbeats(requests, AGENT_TABLE, AgentListing(), names)
    assert listing == AgentListing(heartbeats={"leaf-01": Heartbeat(60), "leaf-02": None})
    assert [path for path, _, _ in api.requests] == [f"{AGENTS}/{name}" for name in names]


def test_single_agents_that_may_not_be_read_are_a_problem(
    api: AgentApi, settings: Settings
) -> None:
    api.responses[f"{AGENTS}/leaf-01"] = [(403, b"")]
    requests = ApiRequests(api.client, api.target, settings)
    listing = add_heartbeats(requests, AGENT_TABLE, AgentListing(), ["leaf-01"])
    assert "bind deploy/clusterrole-health.yaml to it" in listing.problem
    api.responses[f"{AGENTS}/leaf-01"] = [(503, b"")]
    with pytest.raises(TransientError):
        add_heartbeats(requests, AGENT_TABLE, AgentListing(), ["leaf-01"])


def test_facts_are_read_a_few_agents_at_a_time(api: AgentApi, settings: Settings) -> None:
    interfaces = {"E1/1": {"oper": "up"}}
    api.responses[AGENTS] = [
        (200, agent_list(make_agent("leaf-01", interfaces), token="next")),
        (
            200,
            agent_list(make_agent("leaf-02", {}), {"metadata": {"name": "leaf-03"}, "status": 1}),
        ),
    ]
    facts = read_agent_facts(ApiRequests(api.client, api.target, settings))
    assert facts is not None
    assert sorted(facts) == ["leaf-01", "leaf-02"]
    assert facts["leaf-01"].interfaces["E1/1"].is_up
    assert "s3cret" not in repr(facts)
    assert [(query["limit"], accepted) for _, query, accepted in api.requests] == [
        (["5"], "application/json")
    ] * 2


def test_facts_of_an_api_without_agents_are_empty(api: AgentApi, settings: Settings) -> None:
    api.responses[AGENTS] = [(404, b"")]
    assert read_agent_facts(ApiRequests(api.client, api.target, settings)) is None


def test_facts_that_cannot_be_read_raise_without_repeating_them(
    api: AgentApi, settings: Settings
) -> None:
    api.responses[AGENTS] = [(403, b"")]
    with pytest.raises(ForbiddenError, match="clusterrole-health"):
        read_agent_facts(ApiRequests(api.client, api.target, settings))
    api.responses[AGENTS] = [(200, agent_list(make_agent("leaf-01", {}))[:-20])]
    with pytest.raises(PermanentError) as caught:
        read_agent_facts(ApiRequests(api.client, api.target, settings))
    assert "s3cret" not in str(caught.getrepr(chain=True, style="short"))
