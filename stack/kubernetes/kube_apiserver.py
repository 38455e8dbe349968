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
import urllib3
from kubernetes.client import (
    ApiClient,
    Configuration,
    CoreV1Api,
    CustomObjectsApi,
    V1Namespace,
    V1ObjectMeta,
)
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from fabrics.resources.kinds import LISTED_KINDS, Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.base import LOOPBACK, KubernetesApi, ServerAuth, get_served_kind
from stack.kubernetes.crds_and_rbac import (
    WORKER_NAME,
    crd_name,
    make_role_binding,
    read_cluster_role,
    read_crds,
)
from stack.processes.supervisor import Service, StackError, Supervisor

START_TIMEOUT_SECONDS: Final = 60.0
"""Seconds for etcd, the API server and its definitions to come up."""
SERVER_SET_METADATA: Final = (
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
)


class RealKubernetesApi(KubernetesApi):
    """A kube-apiserver while it runs."""

    def __init__(
        self,
        server: str,
        auth: ServerAuth,
        admin: CustomObjectsApi,
        service: Service,
        etcd_url: str,
    ) -> None:
        super().__init__(server, auth)
        self._admin = admin
        self._service = service
        self._etcd_url = etcd_url
        self._namespaces = {DEFAULT_NAMESPACE}

    def apply_all(self, items: Iterable[Mapping[str, Any]]) -> None:
        for item in items:
            metadata = {
                key: item["metadata"][key] for key in item["metadata"].keys() - SERVER_SET_METADATA
            }
            self._ensure_namespace(metadata.setdefault("namespace", DEFAULT_NAMESPACE))
            _apply(self._admin, {**item, "metadata": metadata}, get_served_kind(item).plural)

    def delete(self, kind: Kind, name: str, namespace: str = DEFAULT_NAMESPACE) -> None:
        try:
            self._admin.delete_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural, name
            )
        except ApiException as error:
            if error.status == 404:
                raise KeyError(name) from error
            raise

    def delete_all(self, kind: Kind) -> None:
        for namespace in self._namespaces:
            self._admin.delete_collection_namespaced_custom_object(
                kind.group, kind.version, namespace, kind.plural
            )

    def stop_serving(self, kind: Kind) -> None:
        self._admin.delete_cluster_custom_object(
            "apiextensions.k8s.io", "v1", "customresourcedefinitions", crd_name(kind)
        )
        self._service.wait_until(lambda: not _is_served(self._admin, kind), START_TIMEOUT_SECONDS)

    def expire_lists(self) -> None:
        """By compacting etcd's history, as the API server does every few minutes."""
        written = self._call_etcd("put", {"key": "Zm9yZ2V0"})
        self._call_etcd("compaction", {"revision": written["header"]["revision"]})

    def _ensure_namespace(self, name: str) -> None:
        if name not in self._namespaces:
            body = V1Namespace(metadata=V1ObjectMeta(name=name))
            CoreV1Api(self._admin.api_client).create_namespace(body)
            self._namespaces.add(name)

    def _call_etcd(self, call: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = urllib3.request("POST", f"{self._etcd_url}/v3/kv/{call}", json=body, retries=False)
        if answer.status != 200:
            raise StackError(f"etcd refused {call}: {answer.data.decode(errors='replace')}")
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def kube_apiserver(assets: Path, crds: Path | None = None) -> Iterator[RealKubernetesApi]:
    """An empty API server with the definitions in `crds`, or with ones that accept any spec."""
    identity = ServerAuth(secrets.token_urlsafe(24), trustme.CA())
    admin_token = secrets.token_urlsafe(24)
    with TemporaryDirectory() as name, closing(Supervisor(Path(name))) as supervisor:
        port = supervisor.ports.reserve(0)
        server = f"https://{LOOPBACK}:{port}"
        _write_secrets(Path(name), identity, admin_token)
        etcd = _start_etcd(supervisor, assets, Path(name))
        service = _start_apiserver(supervisor, assets, Path(name), etcd, port)
        with _make_client(server, identity, admin_token) as client:
            admin = CustomObjectsApi(client)
            service.wait_until(partial(_is_ready, client), START_TIMEOUT_SECONDS)
            _install_crds_and_rbac(admin, service, crds)
            yield RealKubernetesApi(server, identity, admin, service, etcd)


def _write_secrets(folder: Path, auth: ServerAuth, admin_token: str) -> None:
    certificate = auth.issue_certificate()
    (folder / "tls.crt").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    (folder / "tls.key").write_bytes(certificate.private_key_pem.bytes())
    tokens = (
        f'{admin_token},admin,admin,"system:masters"\n{auth.token},{WORKER_NAME},{WORKER_NAME}\n'
    )
    (folder / "tokens.csv").write_text(tokens)


def _start_etcd(supervisor: Supervisor, assets: Path, folder: Path) -> str:
    """Its URL."""
    etcd, peers = (f"http://{LOOPBACK}:{supervisor.ports.reserve(0)}" for _ in range(2))
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
    return etcd


def _start_apiserver(
    supervisor: Supervisor, assets: Path, folder: Path, etcd_url: str, port: int
) -> Service:
    """It tries again by itself until etcd is there."""
    return supervisor.start(
        "kube-apiserver",
        [
            assets / "kube-apiserver",
            f"--etcd-servers={etcd_url}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",  # else it wants a default route
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


def _install_crds_and_rbac(admin: CustomObjectsApi, service: Service, crds: Path | None) -> None:
    """The definitions of the kinds, and what the worker may do with them."""
    defined = {each["metadata"]["name"]: each for each in read_crds(crds)}
    for definition in defined.values():
        _apply(admin, definition, "customresourcedefinitions")
    _apply(admin, read_cluster_role(), "clusterroles")
    _apply(admin, make_role_binding(), "rolebindings")
    for kind in LISTED_KINDS:
        if crd_name(kind) in defined:
            service.wait_until(partial(_is_served, admin, kind), START_TIMEOUT_SECONDS)


def _make_client(server: str, auth: ServerAuth, token: str) -> ApiClient:
    configuration = Configuration(host=server, ca_cert_data=auth.ca_cert, retries=False)
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


def _is_ready(client: ApiClient) -> bool:
    """Whether it serves and has made the namespace, of which its readiness says nothing."""
    try:
        CoreV1Api(client).read_namespace(DEFAULT_NAMESPACE)
        return bool(client.call_api("GET", f"{client.configuration.host}/readyz").status == 200)
    except (ApiException, HTTPError):
        return False


def _is_served(admin: CustomObjectsApi, kind: Kind) -> bool:
    try:
        admin.list_namespaced_custom_object(
            kind.group, kind.version, DEFAULT_NAMESPACE, kind.plural, limit=1
        )
    except (ApiException, HTTPError):
        return False
    return True
