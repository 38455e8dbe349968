"""What the demo and the tests can do with a Kubernetes API of their own, whichever one it is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from fabrics.resources.kinds import Kind, find_listed_kind
from fabrics.resources.resource import DEFAULT_NAMESPACE

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class ServerAuth:
    """How an API proves what it is, and what it wants to hear: its own CA and one bearer token."""

    token: str
    ca: trustme.CA

    @property
    def ca_cert(self) -> str:
        """The CA's certificate in PEM."""
        return self.ca.cert_pem.bytes().decode()

    def issue_certificate(self) -> trustme.LeafCert:
        """A new server certificate for this machine's loopback."""
        return self.ca.issue_cert(LOOPBACK, "localhost")


class KubernetesApi(ABC):
    """A running API that serves the Hedgehog kinds; `server` is its URL."""

    def __init__(self, server: str, auth: ServerAuth) -> None:
        self.server = server
        self.auth = auth

    @abstractmethod
    def apply_all(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Create or replace custom resources, given as manifests are written."""

    @abstractmethod
    def delete(self, kind: Kind, name: str, namespace: str = DEFAULT_NAMESPACE) -> None:
        """Delete one object. Raises `KeyError` when there is none."""

    @abstractmethod
    def delete_all(self, kind: Kind) -> None:
        """Delete all objects of a kind."""

    @abstractmethod
    def stop_serving(self, kind: Kind) -> None:
        """Stop serving a kind, as a Hedgehog release without it does."""

    @abstractmethod
    def expire_lists(self) -> None:
        """Make every continue token that was given out too old to use."""

    def apply(self, item: Mapping[str, Any]) -> None:
        """Create or replace one custom resource."""
        self.apply_all([item])

    def write_credential(self, folder: Path) -> None:
        """Write the files with which a worker reaches this API (see `activities.credentials`)."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server").write_text(self.server)
        (folder / "ca.crt").write_text(self.auth.ca_cert)
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(self.auth.token)


def get_served_kind(item: Mapping[str, Any]) -> Kind:
    """The kind of a manifest. Raises `ValueError` for one that these APIs do not serve."""
    group, _, _ = str(item["apiVersion"]).rpartition("/")
    kind = find_listed_kind(group, str(item["kind"]))
    if kind is None:
        raise ValueError(
            f"{item['kind']} of {item['apiVersion']} is not a kind that is served here"
        )
    return kind
