"""NetBox over https: CAs of the system, and the name of the host."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from activities.errors import PermanentError
from activities.netbox.client import NetBox
from stack.stack import Stack
from tests.support.system.tls_proxy import make_server_context, tls_proxy_to

CA_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the default CAs of the system."""
    for name in CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    """A CA, in a file."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.crt")
    return ca


@asynccontextmanager
async def serving(stack: Stack, certificate: trustme.LeafCert) -> AsyncIterator[NetBox]:
    """Serve NetBox over https; yields a client of it."""
    port = urlsplit(stack.netbox.url).port or 0
    async with tls_proxy_to(port, make_server_context(certificate)) as proxy:
        with closing(
            NetBox(proxy.url, stack.netbox.token, connect_timeout=60, timeout=60)
        ) as netbox:
            yield netbox


async def sentence_of(netbox: NetBox) -> str:
    with pytest.raises(PermanentError) as caught:
        await asyncio.to_thread(netbox.get_status)
    return str(caught.value)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
async def test_own_ca_is_trusted(
    variable: str, stack: Stack, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "ca.crt"))
    async with serving(stack, ca.issue_cert("127.0.0.1")) as netbox:
        assert "netbox-version" in await asyncio.to_thread(netbox.get_status)


async def test_unknown_ca_is_not_trusted(stack: Stack, ca: trustme.CA) -> None:
    async with serving(stack, ca.issue_cert("127.0.0.1")) as netbox:
        sentence = await sentence_of(netbox)
        assert sentence.startswith(
            f"NetBox at {netbox.url} has a certificate that is not trusted ("
        )
        assert "add its CA to the file in SSL_CERT_FILE" in sentence


async def test_certificate_must_be_of_the_host(
    stack: Stack, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    async with serving(stack, ca.issue_cert("netbox.example.com")) as netbox:
        assert await sentence_of(netbox) == (
            f"NetBox at {netbox.url} has a certificate of another host: use the host name of the certificate, or renew"
            " it."
        )


async def test_certificate_must_not_have_expired(
    stack: Stack, ca: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    expired = ca.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    async with serving(stack, expired) as netbox:
        assert await sentence_of(netbox) == (
            f"NetBox at {netbox.url} has a certificate that has expired: renew it."
        )


def test_file_of_cas_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent/ca.crt")
    netbox = NetBox("https://127.0.0.1:1", "token", connect_timeout=60, timeout=60)
    with closing(netbox), pytest.raises(PermanentError, match=r"names /nonexistent/ca\.crt"):
        netbox.get_status()
