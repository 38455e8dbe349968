"""When the files of credentials expire, as a metric.

Certificates and tokens are found in whatever files a credential has, so that a kubeconfig, a CA and a bearer token are
covered alike. Only the time leaves this module.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Final

from cryptography import x509
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

MAX_AGE_SECONDS: Final = 600.0
"""How long the times that were read are shown: they change when somebody rotates a secret."""

MAX_FILES: Final = 5_000
MAX_FILE_BYTES: Final = 1_000_000

CERTIFICATE: Final = re.compile(
    rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL
)
EMBEDDED_DATA: Final = re.compile(
    rb'(?:certificate|certificate-authority)-data"?: *"?([A-Za-z0-9+/=]+)'
)
"""Certificates of a kubeconfig, which has them as base64."""

JWT: Final = re.compile(rb"\beyJ[A-Za-z0-9_-]+\.(eyJ[A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
"""A JSON Web Token with its claims (RFC 7519), as a ServiceAccount has."""


class CredentialExpiry:
    """A collector of when the credentials in a directory expire."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_after = 0.0
        self._metrics: tuple[Metric, ...] = ()

    def describe(self) -> Iterable[Metric]:
        """Return nothing, so that registering reads no files."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return what was read in the last minutes, or read it now."""
        if monotonic() >= self._read_after:
            self._metrics = (_build_metric(self._directory),)
            self._read_after = monotonic() + MAX_AGE_SECONDS
        return self._metrics


def find_expiry(content: bytes) -> datetime | None:
    """Return when the first certificate or token expires; None if none does."""
    embedded = b"\n".join(map(_decode, EMBEDDED_DATA.findall(content)))
    certificates = CERTIFICATE.findall(content + b"\n" + embedded)
    times = [*_read_certificates(certificates), *_read_tokens(JWT.findall(content))]
    return min(times, default=None)


def _build_metric(directory: Path) -> Metric:
    family = GaugeMetricFamily(
        "fabric_sync_credential_expiry_timestamp_seconds",
        "When the first certificate or token in a file of a credential expires.",
        labels=("credential", "file"),
    )
    for path in _list_files(directory):
        if expiry := find_expiry(_read(path)):
            family.add_metric((path.parent.name, path.name), expiry.timestamp())
    return family


def _list_files(directory: Path) -> list[Path]:
    """List the files of all credentials; names with a dot belong to mounted Secrets."""
    paths = directory.glob("*/*")
    return sorted(path for path in paths if not path.parent.name.startswith("."))[:MAX_FILES]


def _read(path: Path) -> bytes:
    """Return what a file holds; nothing if it cannot be read, which a sync says."""
    try:
        if not path.is_file():  # to open a named pipe would wait for its writer
            return b""
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError:
        return b""


def _read_certificates(certificates: Iterable[bytes]) -> Iterator[datetime]:
    for certificate in certificates:
        try:
            yield x509.load_pem_x509_certificate(certificate).not_valid_after_utc
        except (ValueError, x509.InvalidVersion):
            continue


def _read_tokens(claims: Iterable[bytes]) -> Iterator[datetime]:
    for encoded in claims:
        try:
            yield datetime.fromtimestamp(json.loads(_decode(encoded))["exp"], UTC)
        except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
            continue


def _decode(data: bytes) -> bytes:
    """Return what base64 stands for, in either alphabet; nothing if it is none."""
    try:
        return base64.b64decode(data.replace(b"-", b"+").replace(b"_", b"/") + b"==")
    except binascii.Error:
        return b""
