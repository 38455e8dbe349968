"""The real Kubernetes API server with etcd, from a folder with both programs.

RBAC is on. The API's token belongs to the worker, which has only the permissions of the shipped
ClusterRole; the administrator's token stays in this module.
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

from fabrics.resources.kinds import Kind
from fabrics.resources.resource import DEFAULT_NAMESPACE
from stack.kubernetes.base import KubernetesApi, ServerAuth
from stack.kubernetes.crds_and_rbac import (
    RBAC_GROUP,
    WORKER_NAME,
    crd_name,
    make_role_binding,
    read_cluster_role,
    read_crds,
)
from stack.kubernetes.permissions import ClusterRole
from stack.kubernetes.releases import HedgehogRelease, get_served_kind
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import Service, StackError, Supervisor

START_TIMEOUT_SECONDS: Final = 60.0
SERVER_SET_METADATA: Final = frozenset(
    ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"]
)


class RealKubernetesApi(KubernetesApi):
    """A running kube-apiserver."""

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
            metadata = {k: v for k, v in item["metadata"].items() if k not in SERVER_SET_METADATA}
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

    def bind_role(self, role: ClusterRole) -> None:
        _apply(self._admin, role, "clusterroles")
        _apply(self._admin, make_role_binding(role["metadata"]["name"]), "rolebindings")

    def unbind_role(self, name: str) -> None:
        try:
            self._admin.delete_namespaced_custom_object(
                RBAC_GROUP, "v1", DEFAULT_NAMESPACE, "rolebindings", name
            )
        except ApiException as error:
            if error.status == 404:
                raise KeyError(name) from error
            raise

    def expire_lists(self) -> None:
        # Compact etcd's history, as the API server does every few minutes.
        response = self._call_etcd("put", {"key": "Zm9yZ2V0"})
        self._call_etcd("compaction", {"revision": response["header"]["revision"]})

    def _ensure_namespace(self, name: str) -> None:
        if name not in self._namespaces:
            body = V1Namespace(metadata=V1ObjectMeta(name=name))
            CoreV1Api(self._admin.api_client).create_namespace(body)
            self._namespaces.add(name)

    def _call_etcd(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._etcd_url}/v3/kv/{method}"
        response = urllib3.request("POST", url, json=body, retries=False)
        if response.status != 200:
            raise StackError(f"etcd refused {method}: {response.data.decode(errors='replace')}")
        content: dict[str, Any] = response.json()
        return content


@contextmanager
def kube_apiserver(
    assets: Path,
    crds: Path | None = None,
    release: HedgehogRelease = HedgehogRelease.CURRENT,
) -> Iterator[RealKubernetesApi]:
    """Run an empty API server with the definitions in `crds`.

    The release's kinds that are not defined there accept any spec.
    """
    auth = ServerAuth(secrets.token_urlsafe(24), trustme.CA())
    admin_token = secrets.token_urlsafe(24)
    with TemporaryDirectory() as name, closing(Supervisor(Path(name))) as supervisor:
        port = supervisor.ports.reserve(0)
        server = f"https://{LOOPBACK}:{port}"
        _write_secrets(Path(name), auth, admin_token)
        etcd = _start_etcd(supervisor, assets, Path(name))
        service = _start_apiserver(supervisor, assets, Path(name), etcd, port)
        with _make_client(server, auth, admin_token) as client:
            admin = CustomObjectsApi(client)
            service.wait_until(partial(_is_ready, client), START_TIMEOUT_SECONDS)
            _install_crds(admin, service, crds, release)
            api = RealKubernetesApi(server, auth, admin, service, etcd)
            api.bind_role(read_cluster_role())
            yield api


def _write_secrets(folder: Path, auth: ServerAuth, admin_token: str) -> None:
    certificate = auth.issue_certificate()
    (folder / "tls.crt").write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    (folder / "tls.key").write_bytes(certificate.private_key_pem.bytes())
    admin, worker = f'{admin_token},admin,admin,"system:masters"', f"{auth.token},{WORKER_NAME}"
    (folder / "tokens.csv").write_text(f"{admin}\n{worker},{WORKER_NAME}\n")


def _start_etcd(supervisor: Supervisor, assets: Path, folder: Path) -> str:
    """Start etcd and return its URL."""
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
    # It retries by itself until etcd answers.
    return supervisor.start(
        "kube-apiserver",
        [
            assets / "kube-apiserver",
            f"--etcd-servers={etcd_url}",
            f"--bind-address={LOOPBACK}",
            f"--advertise-address={LOOPBACK}",  # otherwise it needs a default route
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


def _install_crds(
    admin: CustomObjectsApi, service: Service, crds: Path | None, release: HedgehogRelease
) -> None:
    for crd in read_crds(crds, release):
        _apply(admin, crd, "customresourcedefinitions")
    for kind in release.kinds:
        service.wait_until(partial(_is_served, admin, kind), START_TIMEOUT_SECONDS)


def _make_client(server: str, auth: ServerAuth, token: str) -> ApiClient:
    configuration = Configuration(host=server, ca_cert_data=auth.ca_cert, retries=False)
    configuration.api_key["BearerToken"] = f"Bearer {token}"
    return ApiClient(configuration)


def _apply(admin: CustomObjectsApi, item: Mapping[str, Any], plural: str) -> None:
    """Create or replace one object with a server-side apply."""
    group, _, version = item["apiVersion"].rpartition("/")
    name, namespace = item["metadata"]["name"], item["metadata"].get("namespace")
    options: dict[str, Any] = {"body": dict(item), "field_manager": "stack", "force": True}
    options["_content_type"] = "application/apply-patch+yaml"
    if namespace:
        admin.patch_namespaced_custom_object(group, version, namespace, plural, name, **options)
    else:
        admin.patch_cluster_custom_object(group, version, plural, name, **options)


def _is_ready(client: ApiClient) -> bool:
    # Readiness does not include the namespace, which the API server creates after its start.
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
