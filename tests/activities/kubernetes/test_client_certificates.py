"""Client certificates of kubeconfigs: used for TLS, and left in no file."""

import base64
import ssl
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme
import yaml

from activities.errors import PermanentError
from activities.kubernetes.access import load_kubernetes_access
from activities.kubernetes.clients import ClientCache, KubernetesClient
from fabrics.record.config import KubernetesTarget
from settings import Settings

CREDENTIAL = "lab"


class Api(ThreadingHTTPServer):
    """An API for clients with a certificate of its CA; `seen` are their names."""

    def __init__(self, ca: trustme.CA) -> None:
        self.ca, self.seen = ca, list[str]()
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        ca.issue_cert("127.0.0.1").configure_cert(context)
        ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients without a certificate."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Api

    def do_GET(self) -> None:
        assert isinstance(self.connection, ssl.SSLSocket)
        certificate = self.connection.getpeercert() or {}
        names: Any = certificate["subjectAltName"]
        self.server.seen.append(names[0][1])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with Api(trustme.CA()) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def target(api: Api) -> KubernetesTarget:
    return KubernetesTarget(server=api.url, namespace="default", credential=CREDENTIAL)


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which everything makes its temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def issue(api: Api, name: str) -> tuple[bytes, bytes]:
    """Return a certificate and its key."""
    issued = api.ca.issue_cert(f"{name}@example.com")
    return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()


def encode(pem: bytes) -> str:
    return base64.b64encode(pem).decode()


def write_kubeconfig(settings: Settings, api: Api, user: dict[str, str]) -> Path:
    folder = settings.credentials_dir / CREDENTIAL
    folder.mkdir(parents=True, exist_ok=True)
    authority = encode(api.ca.cert_pem.bytes())
    config = {
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [
            {"name": "c", "cluster": {"server": api.url, "certificate-authority-data": authority}}
        ],
        "users": [{"name": "u", "user": user}],
    }
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    return folder


def embed(certificate: bytes, key: bytes) -> dict[str, str]:
    return {"client-certificate-data": encode(certificate), "client-key-data": encode(key)}


def use(clients: ClientCache, target: KubernetesTarget, settings: Settings) -> None:
    with clients.client(target, settings) as client, client.get("/x", {}, (20, 20)) as response:
        assert response.status == 200


def test_embedded_certificates_are_used_and_leave_no_file(
    api: Api, target: KubernetesTarget, settings: Settings, temporary_files: Path
) -> None:
    clients = ClientCache()
    for name in ("first", "renewed"):
        write_kubeconfig(settings, api, embed(*issue(api, name)))
        for _ in range(2):
            use(clients, target, settings)
        assert api.seen[-2:] == [f"{name}@example.com"] * 2, "a renewed one counts at once"
    assert list(temporary_files.iterdir()) == []


def test_files_that_a_kubeconfig_names_are_read_at_each_sync(
    api: Api, target: KubernetesTarget, settings: Settings
) -> None:
    clients = ClientCache()
    user = {"client-certificate": "tls.crt", "client-key": "tls.key"}
    folder = write_kubeconfig(settings, api, user)
    for name in ("mounted", "rotated"):
        certificate, key = issue(api, name)
        (folder / "tls.crt").write_bytes(certificate)
        (folder / "tls.key").write_bytes(key)
        use(clients, target, settings)
        assert api.seen[-1] == f"{name}@example.com"


def test_many_kubeconfigs_are_loaded_at_a_time(
    api: Api, target: KubernetesTarget, settings: Settings
) -> None:
    write_kubeconfig(settings, api, embed(*issue(api, "many")))
    with ThreadPoolExecutor(8) as threads:
        loads = [threads.submit(load_kubernetes_access, target, settings) for _ in range(32)]
        assert len({load.result().digest for load in loads}) == 1


@pytest.mark.parametrize("missing", ["client-certificate-data", "client-key-data"])
def test_half_a_certificate_is_refused(
    api: Api, target: KubernetesTarget, settings: Settings, missing: str
) -> None:
    user = embed(*issue(api, "half"))
    del user[missing]
    write_kubeconfig(settings, api, user)
    access = load_kubernetes_access(target, settings)
    with pytest.raises(PermanentError, match="Credential lab: the client certificate") as caught:
        KubernetesClient.open(access)
    assert caught.value.__cause__ is None


def test_empty_file_of_a_ca_does_not_mean_the_cas_of_the_system(
    api: Api, target: KubernetesTarget, settings: Settings
) -> None:
    folder = write_kubeconfig(settings, api, {})
    config = yaml.safe_load((folder / "kubeconfig").read_text())
    config["clusters"][0]["cluster"] = {"server": api.url, "certificate-authority": "ca.crt"}
    (folder / "kubeconfig").write_text(yaml.safe_dump(config))
    (folder / "ca.crt").touch()
    with pytest.raises(PermanentError, match="is unusable; try it with kubectl"):
        load_kubernetes_access(target, settings)
