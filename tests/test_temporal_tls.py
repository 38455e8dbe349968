"""Temporal behind TLS: own CAs, names, client certificates, and their errors."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import pytest
import trustme

import temporal
from stack.processes.supervisor import Supervisor
from stack.services.temporal_server import start_temporal
from tests.support.system.tls_proxy import GRPC, TlsProxy, make_server_context, tls_proxy_to

pytestmark = pytest.mark.server

WORKER = "worker@example.com"
KEY = "s3cret-key"

type RunProxy = Callable[..., AbstractAsyncContextManager[TlsProxy]]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Temporal server that speaks no TLS."""
    with closing(Supervisor(tmp_path_factory.mktemp("temporal"))) as supervisor:
        yield int(start_temporal(supervisor).address.rpartition(":")[2])


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    """The CA of the server, in a file."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    return ca


@pytest.fixture
def run_proxy(port: int, ca: trustme.CA) -> RunProxy:
    """Return a function that runs the server behind TLS."""

    @asynccontextmanager
    async def run(
        host: str = "127.0.0.1", clients: trustme.CA | None = None
    ) -> AsyncIterator[TlsProxy]:
        certificate = ca.issue_cert(host)
        context = make_server_context(certificate, clients=clients, protocols=GRPC)
        async with tls_proxy_to(port, context) as proxy:
            yield proxy

    return run


def trusting(proxy: TlsProxy, folder: Path, **variables: str) -> dict[str, str]:
    """Return variables of a client that trusts the CA of the server."""
    return {
        "TEMPORAL_ADDRESS": proxy.address,
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(folder / "ca.crt"),
    } | variables


def with_certificate(ca: trustme.CA, folder: Path) -> dict[str, str]:
    """Return variables for a client certificate of `ca`."""
    issued = ca.issue_cert(WORKER)
    issued.cert_chain_pems[0].write_to_path(folder / "tls.crt")
    issued.private_key_pem.write_to_path(folder / "tls.key")
    return {
        "TEMPORAL_TLS_CLIENT_CERT_PATH": str(folder / "tls.crt"),
        "TEMPORAL_TLS_CLIENT_KEY_PATH": str(folder / "tls.key"),
    }


async def is_served(variables: dict[str, str]) -> bool:
    client = await temporal.connect(variables)
    return await client.service_client.check_health()


async def sentence_of(variables: dict[str, str]) -> str:
    with pytest.raises(temporal.TemporalUnreachable) as caught:
        await temporal.connect(variables)
    return str(caught.value)


async def test_server_with_a_certificate_of_an_own_ca_is_trusted(
    run_proxy: RunProxy, tmp_path: Path
) -> None:
    async with run_proxy() as proxy:
        assert await is_served(trusting(proxy, tmp_path))
        assert proxy.clients == [""]


async def test_api_key_needs_tls_and_the_cas_of_the_system(
    run_proxy: RunProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    async with run_proxy() as proxy:
        assert await is_served({"TEMPORAL_ADDRESS": proxy.address, "TEMPORAL_API_KEY": KEY})
        assert proxy.clients == [""]


async def test_server_of_an_unknown_ca_is_refused(run_proxy: RunProxy, tmp_path: Path) -> None:
    async with run_proxy() as proxy:
        expected = (
            f"Temporal at {proxy.address} has a certificate that is not trusted: name the file of its CA in"
            " TEMPORAL_TLS_SERVER_CA_CERT_PATH."
        )
        system = {"TEMPORAL_ADDRESS": proxy.address, "TEMPORAL_TLS": "true"}
        assert await sentence_of(system) == expected
        trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
        assert await sentence_of(trusting(proxy, tmp_path)) == expected


async def test_certificate_must_be_of_the_host_or_of_the_configured_name(
    run_proxy: RunProxy, tmp_path: Path
) -> None:
    name = "temporal.example.com"
    async with run_proxy(name) as proxy:
        assert await sentence_of(trusting(proxy, tmp_path)) == (
            f"Temporal at {proxy.address} has a certificate of another host: correct TEMPORAL_ADDRESS, or name that"
            " host in TEMPORAL_TLS_SERVER_NAME."
        )
        assert await is_served(trusting(proxy, tmp_path, TEMPORAL_TLS_SERVER_NAME=name))


async def test_client_certificate_of_a_trusted_ca_is_needed(
    run_proxy: RunProxy, tmp_path: Path
) -> None:
    clients = trustme.CA()
    refused: list[dict[str, str]] = [{}, with_certificate(trustme.CA(), tmp_path)]
    async with run_proxy(clients=clients) as proxy:
        anonymous = trusting(proxy, tmp_path)
        for certificate in refused:
            sentence = await sentence_of(anonymous | certificate)
            assert sentence.startswith(f"Temporal at {proxy.address} ")
            assert "a client certificate" in sentence
            assert "TEMPORAL_TLS_CLIENT_CERT_PATH" in sentence
        assert await is_served(anonymous | with_certificate(clients, tmp_path))
        assert proxy.clients == [WORKER]


async def test_certificate_with_the_key_of_another_is_refused(
    run_proxy: RunProxy, tmp_path: Path
) -> None:
    clients = trustme.CA()
    async with run_proxy(clients=clients) as proxy:
        variables = trusting(proxy, tmp_path) | with_certificate(clients, tmp_path)
        clients.issue_cert(WORKER).private_key_pem.write_to_path(tmp_path / "tls.key")
        sentence = await sentence_of(variables)
        assert "client certificate" in sentence
        assert "TEMPORAL_TLS_CLIENT_KEY_PATH" in sentence
        (tmp_path / "tls.key").unlink()
        assert "tls.key" in await sentence_of(variables)
        assert proxy.clients == []


async def test_client_without_tls_is_told_to_use_it(run_proxy: RunProxy) -> None:
    async with run_proxy() as proxy:
        sentence = await sentence_of({"TEMPORAL_ADDRESS": proxy.address})
        assert "broke off the connection" in sentence
        assert "TEMPORAL_TLS=true" in sentence


async def test_server_without_tls_is_named(port: int) -> None:
    sentence = await sentence_of({"TEMPORAL_ADDRESS": f"127.0.0.1:{port}", "TEMPORAL_TLS": "true"})
    assert sentence.startswith(f"Temporal at 127.0.0.1:{port} does not speak TLS")


def test_server_that_speaks_no_grpc_over_tls_is_named() -> None:
    with (
        pytest.raises(temporal.TemporalUnreachable, match="a:1 speaks TLS, but is no gRPC server"),
        temporal.connection_errors("a:1"),
    ):
        raise RuntimeError("transport error: Error(Connect, H2NotNegotiated)")


@pytest.mark.parametrize(
    "words",
    [
        "Error(Connect, AlertReceived(CertificateRequired))",
        "Error(Connect, AlertReceived(UnknownCA))",
        "received fatal alert: HandshakeFailure",
    ],
)
def test_alert_of_a_server_that_refuses_the_client_is_named(words: str) -> None:
    """A client that is refused may find its connection broken before it reads why."""
    with (
        pytest.raises(temporal.TemporalUnreachable, match="a:1 asks for a client certificate that"),
        temporal.connection_errors("a:1"),
    ):
        raise RuntimeError(f"transport error: {words}")
