"""The interface that the emulated and the real Kubernetes API share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.permissions import ClusterRole
from stack.processes.ports import LOOPBACK


@dataclass(frozen=True)
class ServerAuth:
    """The CA of an API's certificate, and the bearer token that it requires."""

    token: str
    ca: trustme.CA

    @property
    def ca_cert(self) -> str:
        """The CA's certificate as PEM."""
        return self.ca.cert_pem.bytes().decode()

    def issue_certificate(self) -> trustme.LeafCert:
        """Issue a server certificate for the loopback interface."""
        return self.ca.issue_cert(LOOPBACK, "localhost")

    def write_credential(self, folder: Path, server: str) -> None:
        """Write a worker's credential for the API at `server`.

        `activities.credentials` describes it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "server").write_text(server)
        (folder / "ca.crt").write_text(self.ca_cert)
        token = folder / "token"
        token.touch(mode=0o600)
        token.write_text(self.token)


class KubernetesApi(ABC):
    """A running API that serves the Hedgehog kinds; `server` is its URL."""

    def __init__(self, server: str, auth: ServerAuth) -> None:
        self.server = server
        self.auth = auth

    @abstractmethod
    def apply_all(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Create or replace custom resources, given as manifests."""

    @abstractmethod
    def delete(self, kind: Kind, name: str, namespace: str = DEFAULT_NAMESPACE) -> None:
        """Delete one object. Raises KeyError if it does not exist."""

    @abstractmethod
    def delete_all(self, kind: Kind) -> None:
        """Delete all objects of `kind`."""

    @abstractmethod
    def stop_serving(self, kind: Kind) -> None:
        """Stop serving `kind`, like a Hedgehog release that does not have it."""

    @abstractmethod
    def bind_role(self, role: ClusterRole) -> None:
        """Grant the worker what `role` allows, in the fabric's namespace."""

    @abstractmethod
    def unbind_role(self, name: str) -> None:
        """Revoke what the role of this name allowed. Raises KeyError if it was not bound."""

    @abstractmethod
    def expire_lists(self) -> None:
        """Expire all continue tokens that have been issued."""

    def apply(self, item: Mapping[str, Any]) -> None:
        """Create or replace one custom resource."""
        self.apply_all([item])

    def write_credential(self, folder: Path) -> None:
        """Write a worker's credential for this API."""
        self.auth.write_credential(folder, self.server)
