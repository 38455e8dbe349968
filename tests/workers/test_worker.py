"""`worker.py` as its two processes, with a real Temporal server."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from functools import partial
from itertools import product
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from stack.processes.ports import PortPool
from tests.support.metrics import reserve_metrics_port
from tests.support.monitoring import EXPRESSIONS
from tests.support.paths import PROJECT
from tests.support.system.installation import wait_until
from tests.support.system.tcp_proxy import proxy_to
from tests.support.system.worker_command import WORKER_COMMAND

NOBODY = "127.0.0.1:1"
"""An address at which nothing listens."""


def list_used_labels(expression: str) -> set[tuple[str, str]]:
    """Return each of Temporal's metrics in an expression with its labels.

    Those are what the expression selects or groups by, but for what Prometheus adds. All have `process`.
    """
    groups = re.findall(r"\bby \(([\w, ]+)\)", expression)
    grouping = {label for group in groups for label in group.split(", ")}
    selecting = set(re.findall(r"(\w+)(?:=~|!~|!=|=)\"", expression))
    labels = (grouping | selecting | {"process"}) - {"instance", "job"}
    return set(product(re.findall(r"\btemporal_[a-z_]+", expression), labels))


USED = {pair for expression in EXPRESSIONS for pair in list_used_labels(expression)}
SHOWN_IN_AN_OUTAGE = {("temporal_long_request_failure", "process")}


@asynccontextmanager
async def running_worker(temporal_address: str, **variables: str) -> AsyncIterator[Process]:
    """Run `worker.py` with these variables until the block ends."""
    environment = {
        "PATH": os.environ["PATH"],
        "TEMPORAL_ADDRESS": temporal_address,
        "FABRIC_SYNC_NETBOX_URL": f"http://{NOBODY}",
    } | variables
    worker = await asyncio.create_subprocess_exec(
        *WORKER_COMMAND, cwd=PROJECT, env=environment, stderr=PIPE
    )
    try:
        yield worker
    finally:
        if worker.returncode is None:
            worker.kill()


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A client of a Temporal server that nobody else uses."""
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(Path(sys.prefix, "bin", "temporal")),
        dev_server_startup_timeout=timedelta(minutes=1),
    ) as env:
        yield env.client


@pytest.fixture
async def worker(client: Client) -> AsyncIterator[Process]:
    """A worker whose two processes work."""
    async with running_worker(client.service_client.config.target_host) as worker:
        assert worker.stderr is not None
        begun = set[str]()
        async for line in worker.stderr:
            name, _, message = line.decode().partition(" fabric_sync.worker: ")
            if message.startswith("Working for Temporal"):
                begun.add(name.split()[-1])
            if begun == {"activities", "workflows"}:
                break
        yield worker


@asynccontextmanager
async def serving_worker(client: Client, **variables: str) -> AsyncIterator[tuple[Process, str]]:
    """Run a worker that serves metrics; its URL once it is ready."""
    with closing(PortPool()) as ports:
        port = reserve_metrics_port(ports)
        address = client.service_client.config.target_host
        variables |= {"FABRIC_SYNC_METRICS_PORT": str(port)}
        async with running_worker(address, **variables) as worker:
            url = f"http://127.0.0.1:{port}"
            await wait_until(partial(get, f"{url}/readyz"), lambda answer: answer == "200 ok")
            yield worker, url


async def get(url: str) -> str:
    """Return status and body of an answer; nothing if there is none."""
    try:
        response = await asyncio.to_thread(requests.get, url, timeout=10)
    except requests.RequestException:
        return ""
    return f"{response.status_code} {response.text}"


@pytest.mark.server
async def test_one_page_has_the_metrics_of_both_processes(client: Client) -> None:
    async with serving_worker(client) as (_, url):

        async def read_processes() -> dict[str, set[str]]:
            _, _, page = (await get(f"{url}/metrics")).partition(" ")
            families = text_string_to_metric_families(page)
            return {
                family.name: {sample.labels.get("process", "") for sample in family.samples}
                for family in families
            }

        shown = await wait_until(
            read_processes,
            lambda names: len(names.get("temporal_num_pollers", ())) == 2,
        )
    assert shown["temporal_num_pollers"] == {"activities", "workflows"}
    assert "fabric_sync_workflows_process_resident_memory_bytes" in shown
    assert "process_resident_memory_bytes" in shown
    assert any(name.startswith("temporal_") and name.endswith("_seconds") for name in shown)


@pytest.mark.server
async def test_metrics_of_temporal_are_named_as_alerts_and_dashboard_do(client: Client) -> None:
    """Those of failures appear with the first failure."""
    host, _, port = client.service_client.config.target_host.partition(":")
    async with (
        proxy_to(int(port)) as proxy,
        serving_worker(client, TEMPORAL_ADDRESS=f"{host}:{proxy.port}") as (_, url),
    ):

        async def find_missing() -> set[tuple[str, str]]:
            return USED - list_labels(await get(f"{url}/metrics"))

        await client.start_workflow(
            "FabricSync", "no state", id="fabric-sync/broken", task_queue="fabric-sync"
        )
        await wait_until(find_missing, lambda missing: missing <= SHOWN_IN_AN_OUTAGE)
        await proxy.cut()
        await wait_until(find_missing, lambda missing: not missing)


def list_labels(page: str) -> set[tuple[str, str]]:
    """Return each of Temporal's metrics on a page with its labels."""
    series = re.findall(r"^(temporal_\w+)\{(.*)\}", page, re.MULTILINE)
    return {(name, label) for name, pairs in series for label in re.findall(r'(\w+)="', pairs)}


@pytest.mark.server
async def test_wedged_process_is_found_within_half_a_minute(client: Client) -> None:
    async with serving_worker(client) as (worker, url):
        (child,) = psutil.Process(worker.pid).children()
        child.suspend()
        try:
            answer = await wait_until(
                partial(get, f"{url}/livez"), lambda answer: not answer.startswith("200"), 30
            )
        finally:
            child.resume()
    assert answer.startswith("503 The process workflows hangs: ")


@pytest.mark.server
async def test_worker_is_not_ready_while_it_stops(client: Client) -> None:
    async with serving_worker(client) as (worker, url):
        worker.terminate()
        answer = await wait_until(
            partial(get, f"{url}/readyz"), lambda answer: not answer.startswith("200")
        )
    assert answer == "" or answer.startswith("503")


@pytest.mark.server
async def test_log_of_both_processes_is_json(client: Client) -> None:
    variables = {"FABRIC_SYNC_LOG_FORMAT": "json", "FABRIC_SYNC_LOG_LEVEL": "INFO"}
    async with serving_worker(client, **variables) as (worker, _):
        worker.terminate()
        _, log = await worker.communicate()
    lines = [json.loads(line) for line in log.decode().splitlines()]
    begun = {line["process"] for line in lines if line.get("message", "").startswith("Working for")}
    assert begun == {"activities", "workflows"}


async def test_port_that_is_taken_is_reported() -> None:
    with closing(PortPool()) as ports:
        port = ports.reserve(0)
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
        async with server, running_worker(NOBODY, FABRIC_SYNC_METRICS_PORT=str(port)) as worker:
            _, log = await worker.communicate()
    assert worker.returncode == 1
    assert f"worker.py: The metrics server cannot listen on 127.0.0.1 port {port}" in log.decode()


@pytest.mark.server
async def test_both_processes_stop_on_sigterm(worker: Process) -> None:
    worker.terminate()
    _, log = await worker.communicate()
    assert worker.returncode == 0
    assert b"INFO activities fabric_sync.worker: Stopping" in log
    assert b"INFO workflows fabric_sync.worker: Stopping" in log


@pytest.mark.server
async def test_worker_ends_with_the_process_of_its_workflows(worker: Process) -> None:
    (child,) = psutil.Process(worker.pid).children()
    child.send_signal(signal.SIGKILL)
    _, log = await worker.communicate()
    assert worker.returncode == 1
    sentence = (
        f"worker.py: The process {child.pid}, which runs the workflows, was killed by SIGKILL"
    )
    assert sentence in log.decode()


@pytest.mark.server
@pytest.mark.usefixtures("worker")
async def test_late_fabrics_are_read_at_a_bounded_rate(client: Client) -> None:
    queue = "fabric-sync-observe-catch-up"
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )

    async def read_rates() -> list[float]:
        reply = await client.workflow_service.describe_task_queue(request)
        return [poller.rate_per_second for poller in reply.pollers]

    assert await wait_until(read_rates, bool) == [20]


async def test_unreachable_temporal_is_reported_once() -> None:
    async with running_worker(NOBODY) as worker:
        _, log = await worker.communicate()
    assert worker.returncode == 1
    assert log.decode() == (
        f"worker.py: No Temporal server answers at {NOBODY}; start it, or set TEMPORAL_ADDRESS.\n"
    )


@pytest.mark.server
async def test_worker_does_not_start_without_its_namespace(client: Client) -> None:
    address = client.service_client.config.target_host
    async with running_worker(address, TEMPORAL_NAMESPACE="elsewhere") as worker:
        _, log = await worker.communicate()
    assert worker.returncode == 1
    assert f'worker.py: Temporal at {address} has no namespace "elsewhere"' in log.decode()
