"""When credentials expire, as a metric."""

import base64
import json
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
import yaml
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import CollectorRegistry, generate_latest

from telemetry import credential_expiry
from telemetry.credential_expiry import CredentialExpiry, find_expiry

SOON, LATER = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2028, 1, 1, tzinfo=UTC)
METRIC = "fabric_sync_credential_expiry_timestamp_seconds"
AUTHORITY = trustme.CA()


def make_certificate(expires: datetime) -> bytes:
    """Return a certificate as PEM."""
    return AUTHORITY.issue_cert("fabric-sync", not_after=expires).cert_chain_pems[0].bytes()


def make_odd_certificate() -> bytes:
    """Return a certificate whose version does not exist."""
    certificate = x509.load_pem_x509_certificate(make_certificate(SOON))
    der = certificate.public_bytes(Encoding.DER)
    odd = der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x63", 1)
    return ssl.DER_cert_to_PEM_cert(odd).encode()


def make_token(**claims: object) -> bytes:
    """Return a JSON Web Token with an invented signature."""
    parts = ({"alg": "none"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*encoded, b"c2lnbmF0dXJl"])


def make_kubeconfig(certificate: bytes) -> bytes:
    """Return a kubeconfig that embeds a certificate."""
    user = {"client-certificate-data": base64.b64encode(certificate).decode()}
    return yaml.safe_dump({"users": [{"name": "x", "user": user}]}).encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (make_certificate(SOON), SOON),
        (make_certificate(LATER) + make_certificate(SOON), SOON),
        (make_kubeconfig(make_certificate(SOON)), SOON),
        (json.dumps(yaml.safe_load(make_kubeconfig(make_certificate(SOON)))).encode(), SOON),
        (make_token(exp=int(SOON.timestamp())), SOON),
        (b"token: " + make_token(exp=int(SOON.timestamp())), SOON),
        (make_token(iss="kubernetes"), None),
        (make_token(exp="never"), None),
        (make_token(exp=10**30), None),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", None),
        (make_odd_certificate(), None),
        (b"client-certificate-data: A", None),
        (b"glpat-0123456789", None),
        (b"", None),
    ],
    ids=range(14),
)
def test_expiry_is_that_of_the_first_certificate_or_token(
    content: bytes, expected: datetime | None
) -> None:
    assert find_expiry(content) == expected


@pytest.fixture
def registry(tmp_path: Path) -> CollectorRegistry:
    """A registry with the credentials in `tmp_path`."""
    registry = CollectorRegistry()
    registry.register(CredentialExpiry(tmp_path))
    return registry


def test_each_file_of_a_credential_has_its_time(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    oslo = tmp_path / "oslo"
    oslo.mkdir()
    (oslo / "ca.crt").write_bytes(make_certificate(LATER))
    (oslo / "token").write_bytes(make_token(exp=int(SOON.timestamp())))
    (oslo / "git-token").write_bytes(b"s3cret")

    def read(file: str) -> float | None:
        return registry.get_sample_value(METRIC, {"credential": "oslo", "file": file})

    assert (read("ca.crt"), read("token")) == (LATER.timestamp(), SOON.timestamp())
    assert read("git-token") is None
    assert "s3cret" not in generate_latest(registry).decode()


def test_directory_that_does_not_exist_has_no_times(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    tmp_path.rmdir()
    assert registry.get_sample_value(METRIC, {"credential": "oslo", "file": "token"}) is None


def test_named_pipe_is_no_credential(registry: CollectorRegistry, tmp_path: Path) -> None:
    (tmp_path / "oslo").mkdir()
    os.mkfifo(tmp_path / "oslo" / "token")
    assert registry.get_sample_value(METRIC, {"credential": "oslo", "file": "token"}) is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may search every directory")
def test_directory_that_may_not_be_searched_has_no_times(
    registry: CollectorRegistry, tmp_path: Path
) -> None:
    (tmp_path / "oslo").mkdir()
    (tmp_path / "oslo" / "token").write_bytes(make_token(exp=int(SOON.timestamp())))
    (tmp_path / "oslo").chmod(0o400)
    assert registry.get_sample_value(METRIC, {"credential": "oslo", "file": "token"}) is None


def test_files_are_read_again_after_some_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr(credential_expiry, "monotonic", lambda: clock[0])
    collector = CredentialExpiry(tmp_path)
    list(collector.collect())
    (tmp_path / "oslo").mkdir()
    (tmp_path / "oslo" / "token").write_bytes(make_token(exp=int(SOON.timestamp())))
    assert [metric.samples for metric in collector.collect()] == [[]]
    clock[0] += credential_expiry.MAX_AGE_SECONDS
    [metric] = collector.collect()
    assert [sample.value for sample in metric.samples] == [SOON.timestamp()]
