"""The real Kubernetes API server with etcd, from a folder that holds both (envtest's layout).

RBAC is on. The API's token is the worker's, who may do what the shipped ClusterRole allows; the
administrator's stays here.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import trustme
import yaml
from kubernetes.client import ApiClient, Configuration, CustomObjectsApi
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from fabrics.kinds import KINDS, Kind
from fabrics.resources import DEFAULT_NAMESPACE
from stack.api_server import HOST, Identity, KubernetesApi, served_kind
from stack.processes import Service, Supervisor

CLUSTER_ROLE: Final = Path(__file__).parents[1] / "deploy" / "clusterrole.yaml"
RBAC_GROUP: Final = "rbac.authorization.k8s.io"
RBAC: Final = f"{RBAC_GROUP}/v1"
WORKER: Final = "fabric-sync"
START: Final = 60.0
"""Seconds for etcd, the API server and its definitions to come up."""
SERVER_MADE: Final = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


class RealKubernetesApi(KubernetesApi):
    """A kube-apiserver while it runs."""

    def __init__(self, server: str, identity: Identity, admin: CustomObjectsApi) -> None:
        super().__init__(server, identity)
        self._admin = admin

    def load(self, items: Iterable[Mapping[str, Any]]) -> None:
        for item in items:
            metadata = {key: item["metadata"][key] for key in item["metadata"].keys() - SERVER_MADE}
            metadata.setdefault("namespace", DEFAULT_NAMESPACE)
            _apply(self._admin, {**item, "metadata": metadata}, served_kind(item).plural)

    def delete(self, kind: Kind, name: str, namespace: str = DEFAULT_NAMESPACE) -> None:
        try:
            self._admin.delete_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural, name
            )
        except ApiException as error:
            if error.status == 404:
                raise KeyError(name) from error
            raise

    def clear(self, kind: Kind) -> None:
        self._admin.delete_collection_namespaced_custom_object(
            kind.group, kind.version, DEFAULT_NAMESPACE, kind.plural
        )


@contextmanager
def kube_apiserver(assets: Path, crds: Path | None = None) -> Iterator[RealKubernetesApi]:
    """An empty API server with the definitions in `crds`, or with ones that accept any spec."""
    identity = Identity(secrets.token_urlsafe(24), trustme.CA())
    admin_token = secrets.token_urlsafe(24)
    with TemporaryDirectory() as name, closing(Supervisor(Path(name))) as supervisor:
        port = supervisor.ports.usual_or_free(0)
        server = f"https://{HOST}:{port}"
        _write_secrets(Path(name), identity, admin_token)
        service = _start(supervisor, assets, Path(name), port)
        with _client(server, identity, admin_token) as client:
            admin = CustomObjectsApi(client)
            service.wait_until(partial(_answers, admin, RBAC, "roles"), START)
            _install(admin, service, crds)
            yield RealKubernetesApi(server, identity, admin)


def _write_secrets(folder: Path, identity: Identity, admin_token: str) -> None:
    certificate = identity.certificate()
    (folder / "tls.crt").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    (folder / "tls.key").write_bytes(certificate.private_key_pem.bytes())
    tokens = f'{admin_token},admin,admin,"system:masters"\n{identity.token},{WORKER},{WORKER}\n'
    (folder / "tokens.csv").write_text(tokens)


def _start(supervisor: Supervisor, assets: Path, folder: Path, port: int) -> Service:
    """Both programs; the API server tries again by itself until etcd is there."""
    etcd, peers = (f"http://{HOST}:{supervisor.ports.usual_or_free(0)}" for _ in range(2))
    supervisor.start(
        "etcd",
        [
            assets / "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peers}",
            f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync",
        ],
    )
    return supervisor.start(
        "kube-apiserver",
        [
            assets / "kube-apiserver",
            f"--etcd-servers={etcd}",
            f"--bind-address={HOST}",
            f"--secure-port={port}",
            f"--tls-cert-file={folder / 'tls.crt'}",
            f"--tls-private-key-file={folder / 'tls.key'}",
            f"--token-auth-file={folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={folder / 'tls.key'}",
            f"--service-account-signing-key-file={folder / 'tls.key'}",
        ],
    )


def _install(admin: CustomObjectsApi, service: Service, crds: Path | None) -> None:
    """The definitions of the kinds, and what the worker may do with them."""
    for definition in _definitions(crds):
        _apply(admin, definition, "customresourcedefinitions")
    _apply(admin, yaml.safe_load(CLUSTER_ROLE.read_text()), "clusterroles")
    _apply(admin, _binding(), "rolebindings")
    for kind in KINDS:
        service.wait_until(partial(_answers, admin, kind.api_version, kind.plural), START)


def _definitions(crds: Path | None) -> Iterator[dict[str, Any]]:
    if crds is None:
        yield from map(_lenient_definition, KINDS)
    else:
        yield from (yaml.safe_load(file.read_text()) for file in sorted(crds.glob("*.yaml")))


def _lenient_definition(kind: Kind) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": {"kind": kind.name, "plural": kind.plural},
            "versions": [version],
        },
    }


def _binding() -> dict[str, Any]:
    role = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": WORKER}
    worker = {"apiGroup": RBAC_GROUP, "kind": "User", "name": WORKER}
    return {
        "apiVersion": RBAC,
        "kind": "RoleBinding",
        "metadata": {"name": WORKER, "namespace": DEFAULT_NAMESPACE},
        "roleRef": role,
        "subjects": [worker],
    }


def _client(server: str, identity: Identity, token: str) -> ApiClient:
    configuration = Configuration(host=server, ca_cert_data=identity.ca_cert, retries=False)
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    return ApiClient(configuration)


def _apply(admin: CustomObjectsApi, item: Mapping[str, Any], plural: str) -> None:
    """Create or replace one object, by a server-side apply."""
    group, _, version = item["apiVersion"].rpartition("/")
    name, namespace = item["metadata"]["name"], item["metadata"].get("namespace")
    how: dict[str, Any] = {
        "field_manager": "stack",
        "force": True,
        "_content_type": "application/apply-patch+yaml",
    }
    if namespace:
        admin.patch_namespaced_custom_object(
            group, version, namespace, plural, name, dict(item), **how
        )
    else:
        admin.patch_cluster_custom_object(group, version, plural, name, dict(item), **how)


def _answers(admin: CustomObjectsApi, api_version: str, plural: str) -> bool:
    group, _, version = api_version.rpartition("/")
    try:
        admin.list_namespaced_custom_object(group, version, DEFAULT_NAMESPACE, plural)
    except (ApiException, HTTPError):
        return False
    return True
