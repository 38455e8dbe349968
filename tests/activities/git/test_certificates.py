"""Git over https: CAs of the credential and of the system, and names of hosts."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import trustme

from activities.connections import Deadline
from activities.errors import PermanentError
from activities.git import command
from activities.git.branch_check import BranchChecks
from activities.git.mirror import GitMirror
from fabrics.record.config import GitSource
from settings import Settings
from stack.services.git_server import GitRepository, GitServer
from tests.support.system.tls_proxy import make_server_context, tls_proxy_to

UNTRUSTED = (
    "has a certificate that is not trusted or has expired: put its CA into git-ca.crt of the credential lab, or into"
    " the file in SSL_CERT_FILE, or renew it."
)


@pytest.fixture
def repository(git_server: GitServer) -> GitRepository:
    repository = git_server.create_repository(f"fleet-{uuid4().hex[:8]}")
    repository.commit({"a.yaml": "a: 1\n"})
    return repository


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


@asynccontextmanager
async def serving(
    repository: GitRepository, certificate: trustme.LeafCert, settings: Settings
) -> AsyncIterator[GitMirror]:
    """Serve a repository over https; yields a mirror of it."""
    port = urlsplit(repository.url).port or 0
    async with tls_proxy_to(port, make_server_context(certificate)) as proxy:
        url = f"{proxy.url}/{repository.path.name}"
        source = GitSource(repository=url, branch="main", directory="/", credential="lab")
        yield GitMirror(source, settings)


async def is_read(mirror: GitMirror) -> bool:
    """Return whether both git and the check of the branch trust the server."""
    deadline = Deadline.after(60.0)
    commit = await asyncio.to_thread(mirror.fetch, deadline)
    return await asyncio.to_thread(mirror.is_at, commit, BranchChecks(), deadline)


async def sentence_of(mirror: GitMirror, repository: GitRepository) -> str:
    """Return git's error; the check of the branch does not trust the server either."""
    deadline, commit = Deadline.after(60.0), repository.commit({})
    assert not await asyncio.to_thread(mirror.is_at, commit, BranchChecks(), deadline)
    with pytest.raises(PermanentError) as caught:
        await asyncio.to_thread(mirror.fetch, deadline)
    return str(caught.value)


def hash_subject(certificate: Path) -> str:
    """Return the name by which OpenSSL finds a CA in a folder; GnuTLS reads all."""
    arguments = ["openssl", "x509", "-in", str(certificate), "-noout", "-subject_hash"]
    return subprocess.check_output(arguments, text=True).strip()


async def test_ca_of_the_credential_is_trusted(
    repository: GitRepository, ca: trustme.CA, credential: Path, settings: Settings
) -> None:
    ca.cert_pem.write_to_path(credential / "git-ca.crt")
    async with serving(repository, ca.issue_cert("127.0.0.1"), settings) as mirror:
        assert await is_read(mirror)


async def test_ca_of_the_system_is_trusted(
    repository: GitRepository,
    ca: trustme.CA,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca.cert_pem.write_to_path(tmp_path / "system.crt")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system.crt"))
    async with serving(repository, ca.issue_cert("127.0.0.1"), settings) as mirror:
        assert await is_read(mirror)


async def test_unknown_ca_is_not_trusted(
    repository: GitRepository, ca: trustme.CA, credential: Path, settings: Settings
) -> None:
    async with serving(repository, ca.issue_cert("127.0.0.1"), settings) as mirror:
        assert await sentence_of(mirror, repository) == f"{mirror.name} {UNTRUSTED}"
    trustme.CA().cert_pem.write_to_path(credential / "git-ca.crt")
    async with serving(repository, ca.issue_cert("127.0.0.1"), settings) as mirror:
        assert await sentence_of(mirror, repository) == f"{mirror.name} {UNTRUSTED}"


async def test_ca_of_the_credential_takes_the_place_of_those_of_the_system(
    repository: GitRepository,
    credential: Path,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Debian's git trusts a folder of CAs beside any file, as this one."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "other.pem")
    ca.cert_pem.write_to_path(tmp_path / f"{hash_subject(tmp_path / 'other.pem')}.0")
    monkeypatch.setitem(command.GIT_CONFIG, "http.sslCAPath", str(tmp_path))
    trustme.CA().cert_pem.write_to_path(credential / "git-ca.crt")
    async with serving(repository, ca.issue_cert("127.0.0.1"), settings) as mirror:
        assert await sentence_of(mirror, repository) == f"{mirror.name} {UNTRUSTED}"


async def test_certificate_must_be_of_the_host(
    repository: GitRepository, ca: trustme.CA, credential: Path, settings: Settings
) -> None:
    ca.cert_pem.write_to_path(credential / "git-ca.crt")
    async with serving(repository, ca.issue_cert("git.example.com"), settings) as mirror:
        assert await sentence_of(mirror, repository) == (
            f"{mirror.name} has a certificate of another host: name the host of the certificate in"
            " hh_git_repository, or renew it."
        )


async def test_certificate_must_not_have_expired(
    repository: GitRepository, ca: trustme.CA, credential: Path, settings: Settings
) -> None:
    ca.cert_pem.write_to_path(credential / "git-ca.crt")
    expired = ca.issue_cert("127.0.0.1", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    async with serving(repository, expired, settings) as mirror:
        assert "has expired" in await sentence_of(mirror, repository)


async def test_unusable_file_of_a_ca_is_named(
    repository: GitRepository, ca: trustme.CA, credential: Path, settings: Settings
) -> None:
    (credential / "git-ca.crt").write_text("-----BEGIN CERTIFICATE-----\nx\n")
    async with serving(repository, ca.issue_cert("127.0.0.1"), settings) as mirror:
        assert "correct git-ca.crt of the credential lab" in await sentence_of(mirror, repository)
