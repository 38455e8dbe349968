"""The worker goes on with new keys and certificates for Temporal."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import cast, override
from uuid import uuid4

import pytest
import trustme
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.envconfig import ClientConnectConfig
from temporalio.plugin import SimplePlugin
from temporalio.service import ConnectConfig, ServiceClient
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

import temporal
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.installation import wait_until
from tests.support.system.tls_proxy import GRPC, TlsProxy, make_server_context, tls_proxy_to
from workers import connection_renewal
from workers.connection_renewal import ConnectionRenewal

INTERVAL_SECONDS = 0.01
OLD, NEW = "old-s3cret", "new-s3cret"
TLS_HANDSHAKE = 22
"""The first byte of a client that speaks TLS."""

type ReadLog = Callable[[], Awaitable[str]]


@pytest.fixture
def read_log(caplog: pytest.LogCaptureFixture) -> ReadLog:
    """Return a function that reads what has been logged."""
    caplog.set_level(logging.INFO, "fabric_sync.temporal")

    async def read() -> str:
        return caplog.text

    return read


def write_profile(file: Path, api_key: str) -> dict[str, str]:
    """Write a configuration with this key; the variables that lead to it."""
    file.write_text(
        f'[profile.default]\naddress = "127.0.0.1:1"\napi_key = {api_key}\ntls = {{ disabled = true }}\n'
    )
    return {"TEMPORAL_CONFIG_FILE": str(file)}


class NotedConnections(SimplePlugin):
    """A plugin that notes the connections of a client below the plugins before it."""

    def __init__(self) -> None:
        super().__init__("tests.NotedConnections")
        self.connections: list[ServiceClient] = []

    @override
    async def connect_service_client(
        self, config: ConnectConfig, next: Callable[[ConnectConfig], Awaitable[ServiceClient]]
    ) -> ServiceClient:
        self.connections.append(await next(config))
        return self.connections[-1]


async def test_new_api_key_is_used_without_a_new_connection(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    read_log: ReadLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, noted = tmp_path / "temporal.toml", NotedConnections()
    renewal = ConnectionRenewal(write_profile(file, f'"{OLD}"'))
    client = await Client.connect(
        "127.0.0.1:1", api_key=OLD, tls=False, lazy=True, plugins=[renewal, noted]
    )
    [connection], keys = noted.connections, list[str | None]()
    monkeypatch.setattr(connection, "update_api_key", keys.append)

    async def read_key() -> str | None:
        return client.api_key

    async with renewal.running(INTERVAL_SECONDS):
        write_profile(file, f'"{NEW}')  # an editor is at work
        await wait_until(read_log, lambda text: "stays as it is: Temporal's conf" in text)
        assert client.api_key == OLD
        file.unlink()
        await wait_until(read_log, lambda text: "its configuration has no API key" in text)
        assert client.api_key == OLD
        write_profile(file, f'"{NEW}"')
        await wait_until(read_key, lambda key: key == NEW)
    assert keys == [NEW]
    assert "Using a new API key" in caplog.text
    assert OLD not in caplog.text
    assert NEW not in caplog.text


async def test_api_key_that_appears_later_is_not_sent_in_clear_text(
    tmp_path: Path, read_log: ReadLog
) -> None:
    """The connection began without a key, so without TLS."""
    received = bytearray()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65536))
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        file = tmp_path / "temporal.toml"
        file.write_text(f'[profile.default]\naddress = "{address}"\n')
        renewal = ConnectionRenewal({"TEMPORAL_CONFIG_FILE": str(file)})
        client = await Client.connect(address, lazy=True, plugins=[renewal])
        async with renewal.running(INTERVAL_SECONDS):
            file.write_text(f'[profile.default]\naddress = "{address}"\napi_key = "{NEW}"\n')
            await wait_until(read_log, lambda text: "Connected to Temporal" in text)
        with pytest.raises(RuntimeError):
            await client.service_client.check_health()
    assert received[0] == TLS_HANDSHAKE
    assert NEW.encode() not in received


class EndedWorker:
    """A worker that has ended and takes no other connection."""

    def __init__(self, task_queue: str) -> None:
        self.task_queue = task_queue

    @property
    def client(self) -> None:
        """The client."""

    @client.setter
    def client(self, _: object) -> None:
        raise RuntimeError("The worker has ended.")


async def test_worker_that_cannot_follow_keeps_no_other_from_it(
    tmp_path: Path, read_log: ReadLog
) -> None:
    address, file = "127.0.0.1:1", tmp_path / "temporal.toml"
    profile = f'[profile.default]\naddress = "{address}"\n'
    file.write_text(profile)
    renewal = ConnectionRenewal({"TEMPORAL_CONFIG_FILE": str(file)})
    await Client.connect(address, lazy=True, plugins=[renewal])

    async def renew(_: Worker) -> None:
        async with renewal.running(INTERVAL_SECONDS):
            file.write_text(f'{profile}api_key = "{OLD}"\n')
            await wait_until(read_log, lambda text: "Connected to Temporal" in text)
            file.write_text(f'{profile}api_key = "{NEW}"\n')
            await wait_until(read_log, lambda text: "Using a new API key" in text)

    async def run_second(_: Worker) -> None:
        await renewal.run_worker(cast(Worker, EndedWorker("second")), renew)

    await renewal.run_worker(cast(Worker, EndedWorker("first")), run_second)
    logged = await read_log()
    for queue in ("first", "second"):
        assert f"The worker of the task queue {queue} keeps its former connection" in logged


async def test_same_problem_is_logged_once(
    tmp_path: Path, read_log: ReadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[Mapping[str, str] | None] = []

    def load_and_note(variables: Mapping[str, str] | None) -> ClientConnectConfig:
        rounds.append(variables)
        return temporal.load_config(variables)

    async def count_rounds() -> int:
        return len(rounds)

    monkeypatch.setattr(connection_renewal, "load_config", load_and_note)
    renewal = ConnectionRenewal(write_profile(tmp_path / "temporal.toml", f'"{OLD}'))
    await Client.connect("127.0.0.1:1", lazy=True, plugins=[renewal])
    async with renewal.running(INTERVAL_SECONDS):
        await wait_until(count_rounds, lambda number: number > 2)
    assert (await read_log()).count("stays as it is") == 1


@workflow.defn
class AskTemporal:
    """Runs an activity that asks Temporal itself."""

    @workflow.run
    async def run(self) -> bool:
        answer: bool = await workflow.execute_activity(
            "ask", start_to_close_timeout=timedelta(minutes=1)
        )
        return answer


@asynccontextmanager
async def running_worker(client: Client) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Run a worker; yields a function that runs such a workflow on it."""
    queue = uuid4().hex

    @activity.defn
    async def ask() -> bool:
        return await client.service_client.check_health(retry=True)

    async def run_workflow() -> bool:
        return await client.execute_workflow(
            AskTemporal.run,
            id=uuid4().hex,
            task_queue=queue,
            execution_timeout=timedelta(minutes=1),
        )

    async with Worker(
        client,
        task_queue=queue,
        workflows=[AskTemporal],
        activities=[ask],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield run_workflow


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a Temporal server that speaks no TLS."""
    with closing(Supervisor(tmp_path)) as supervisor:
        yield int(start_temporal(supervisor).address.rpartition(":")[2])


def make_context(ca: trustme.CA) -> ssl.SSLContext:
    """Return the context of a Temporal whose clients need certificates of its CA."""
    return make_server_context(ca.issue_cert("127.0.0.1"), clients=ca, protocols=GRPC)


class Files:
    """The files of a worker's certificates."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_variables(self, proxy: TlsProxy) -> dict[str, str]:
        """Return the variables that lead to them."""
        return {
            "TEMPORAL_ADDRESS": proxy.address,
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(self._folder / "ca.crt"),
            "TEMPORAL_TLS_CLIENT_CERT_PATH": str(self._folder / "tls.crt"),
            "TEMPORAL_TLS_CLIENT_KEY_PATH": str(self._folder / "tls.key"),
        }

    def write(self, server: trustme.CA, issued: trustme.LeafCert) -> None:
        """Replace them one after the other."""
        server.cert_pem.write_to_path(self._folder / "ca.crt")
        issued.cert_chain_pems[0].write_to_path(self._folder / "tls.crt")
        issued.private_key_pem.write_to_path(self._folder / "tls.key")


@pytest.mark.server
async def test_worker_goes_on_with_new_certificates(
    port: int, tmp_path: Path, read_log: ReadLog
) -> None:
    old, new = trustme.CA(), trustme.CA()
    files = Files(tmp_path)
    files.write(old, old.issue_cert("old@example.com"))
    async with tls_proxy_to(port, make_context(old)) as proxy:
        variables = files.get_variables(proxy)
        renewal = ConnectionRenewal(variables)
        client = await temporal.connect(variables, plugins=[renewal])
        async with running_worker(client) as ask, renewal.running(INTERVAL_SECONDS):
            assert await ask()
            assert proxy.clients == ["old@example.com"]
            # From now on neither side accepts a former certificate.
            proxy.context = make_context(new)
            files.write(new, new.issue_cert("new@example.com"))
            await wait_until(read_log, lambda text: "Connected to Temporal" in text)
            await proxy.cut()
            await proxy.connect()
            assert await ask()
    assert set(proxy.clients[1:]) == {"new@example.com"}


@pytest.mark.server
async def test_connection_stays_while_new_certificates_are_unusable(
    port: int, tmp_path: Path, read_log: ReadLog
) -> None:
    ca = trustme.CA()
    files = Files(tmp_path)
    files.write(ca, ca.issue_cert("old@example.com"))
    async with tls_proxy_to(port, make_context(ca)) as proxy:
        variables = files.get_variables(proxy)
        renewal = ConnectionRenewal(variables)
        client = await temporal.connect(variables, plugins=[renewal])
        async with renewal.running(INTERVAL_SECONDS):
            files.write(ca, trustme.CA().issue_cert("other@example.com"))
            await wait_until(read_log, lambda text: "stays as it is: Temporal at" in text)
            (tmp_path / "tls.key").unlink()
            await wait_until(read_log, lambda text: "stays as it is: Temporal's conf" in text)
            assert await client.service_client.check_health()
    assert proxy.clients == ["old@example.com"]
