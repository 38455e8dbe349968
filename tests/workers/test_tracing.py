"""Traces, with a real Temporal server and a collector."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from sys import prefix
from threading import Thread

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.errors import PermanentError
from activities.heartbeat import HeartbeatInterceptor
from settings import Settings
from tests.support.system.installation import wait_until
from workers.tracing import create_tracing_interceptors

SECRET = "s3cret-token"


@workflow.defn
class Look:
    """Reads a fabric."""

    @workflow.run
    async def run(self) -> None:
        """Read it twice, the second time with a defect."""
        for number in range(2):
            try:
                await workflow.execute_activity(
                    "look",
                    number,
                    start_to_close_timeout=timedelta(minutes=1),
                    retry_policy=RetryPolicy(maximum_attempts=1),
                )
            except ActivityError:
                continue


@activity.defn
async def look(number: int) -> None:
    """Fail the second time, with words that are secret."""
    if number:
        raise ZeroDivisionError(SECRET)


class Collector:
    """The spans that were sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.url = ""

    def find(self, name: str) -> list[Span]:
        """Return the spans of this name."""
        return [span for span in self.spans if span.name == name]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Collect spans until the block ends."""
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    for scope in resource.scope_spans:
                        collector.spans += scope.spans
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector to which traces are sent at once."""
    collector = Collector()
    with collector.listening():
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        yield collector


@pytest.mark.server
async def test_call_of_an_activity_is_one_trace_without_secrets(collector: Collector) -> None:
    tracing = create_tracing_interceptors(Settings(traces=True))
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(Path(prefix, "bin", "temporal")),
            dev_server_startup_timeout=timedelta(minutes=1),
        ) as env,
        Worker(
            env.client,
            task_queue="traces",
            workflows=[Look],
            activities=[look],
            interceptors=[*tracing, HeartbeatInterceptor()],
            workflow_runner=UnsandboxedWorkflowRunner(),
        ),
    ):
        await env.client.execute_workflow(Look.run, id="fabric-sync/oslo", task_queue="traces")

        async def find_ends() -> list[Span]:
            return collector.find("RunActivity:look")

        ends = await wait_until(find_ends, lambda spans: len(spans) == 2)
    begins = collector.find("StartActivity:look")
    assert {end.trace_id for end in ends} == {begin.trace_id for begin in begins}
    assert len({end.trace_id for end in ends}) == 2
    assert not any(SECRET in str(span) for span in collector.spans)
    assert "Unexpected error (ZeroDivisionError)" in "".join(map(str, collector.spans))


def test_nothing_is_traced_by_default() -> None:
    assert create_tracing_interceptors(Settings()) == []


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PermanentError, match=r"FABRIC_SYNC_TRACES needs .* extra `traces`"):
        create_tracing_interceptors(Settings(traces=True))
