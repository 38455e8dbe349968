"""Connections to a fabric's API: when they are kept, and when they are closed."""

import os
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import psutil
import pytest
import yaml
from aiohttp import web

from activities.errors import NoResponseError, PermanentError
from activities.kubernetes.clients import (
    MAX_AGE_SECONDS,
    MAX_IDLE_SECONDS,
    ClientCache,
    KubernetesClient,
)
from activities.kubernetes.live_state import LiveStateCache
from fabrics.record.config import KubernetesTarget
from settings import Settings
from stack.kubernetes.emulator import EmulatedKubernetesApi, kubernetes_emulator
from stack.kubernetes.faults import BrokenConnection, Fault

OTHER_TOKEN = "another-s3cret-token"
PATH = "/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers"


class Clock:
    """A timer that tests set."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def clients(clock: Clock) -> ClientCache:
    return ClientCache(max_idle_clients=2, timer=clock)


@pytest.fixture
def states() -> LiveStateCache:
    return LiveStateCache()


@pytest.fixture
def use(clients: ClientCache, settings: Settings) -> Callable[[KubernetesTarget], None]:
    """Return a function that sends one request with a client from the cache."""

    def use(target: KubernetesTarget) -> None:
        with clients.client(target, settings) as client:
            list_servers(client)

    return use


type Use = Callable[[KubernetesTarget], None]


def list_servers(client: KubernetesClient) -> None:
    response = client.get(PATH, {"limit": 1}, (20, 20))
    assert (response.status, response.json()["kind"]) == (200, "ServerList")


def in_namespace(target: KubernetesTarget, namespace: str) -> KubernetesTarget:
    return target.model_copy(update={"namespace": namespace})


def count_open_sockets(api: EmulatedKubernetesApi) -> int:
    """Count this process's client sockets that are connected to the API."""
    port = urlsplit(api.server).port
    connections = psutil.Process(os.getpid()).net_connections("tcp")
    return sum(bool(c.raddr) and c.raddr.port == port for c in connections)


def test_syncs_share_one_connection(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, states: LiveStateCache
) -> None:
    for _ in range(3):
        states.read(target, settings)

    assert api.connection_count == 1
    assert count_open_sockets(api) == 1


def test_unserved_kinds_and_errors_do_not_cost_a_connection_each(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, states: LiveStateCache
) -> None:
    api.inject_fault(Fault(404, "gateways"))
    api.inject_fault(Fault(403, "switchprofiles"))

    for _ in range(3):
        states.read(target, settings)

    assert api.connection_count == 1


def test_failed_read_closes_its_connection(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, states: LiveStateCache
) -> None:
    api.inject_fault(Fault(403, "servers"))

    with pytest.raises(PermanentError):
        states.read(target, settings)

    assert count_open_sockets(api) == 0


def test_rotated_token_is_used_on_a_new_connection(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    credential: Path,
    states: LiveStateCache,
) -> None:
    states.read(target, settings)

    (credential / "token").write_text(OTHER_TOKEN)
    with pytest.raises(PermanentError, match="refused the credential lab"):
        states.read(target, settings)
    assert api.connection_count == 2

    (credential / "token").write_text(api.auth.token)
    states.read(target, settings)
    assert api.connection_count == 3
    assert count_open_sockets(api) == 1


def test_removed_token_is_used_no_more(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    credential: Path,
    states: LiveStateCache,
) -> None:
    states.read(target, settings)
    (credential / "token").unlink()

    with pytest.raises(
        PermanentError, match=f"requires a credential.* into its folder {credential}"
    ):
        states.read(target, settings)

    assert count_open_sockets(api) == 0


def test_credential_for_another_server_is_used_no_more(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    credential: Path,
    states: LiveStateCache,
) -> None:
    states.read(target, settings)
    requests = len(api.request_paths)
    (credential / "server").write_text("https://10.0.0.1:6443")

    with pytest.raises(PermanentError, match="is not for this API"):
        states.read(target, settings)

    assert len(api.request_paths) == requests


def test_renewed_file_of_a_kubeconfig_needs_a_new_connection(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    credential: Path,
    use: Use,
) -> None:
    for file in ("server", "token"):
        (credential / file).unlink()
    config = {
        "current-context": "lab",
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        "clusters": [
            {"name": "lab", "cluster": {"server": api.server, "certificate-authority": "ca.crt"}}
        ],
        "users": [{"name": "lab", "user": {"token": api.auth.token}}],
    }
    (credential / "kubeconfig").write_text(yaml.safe_dump(config))
    use(target)
    use(target)
    assert api.connection_count == 1

    (credential / "ca.crt").write_text(f"renewed\n{api.auth.ca_cert}")
    use(target)

    assert api.connection_count == 2
    assert count_open_sockets(api) == 1


def test_restarted_server_is_read_at_once(
    credential: Path, settings: Settings, states: LiveStateCache
) -> None:
    with kubernetes_emulator() as api:
        api.write_credential(credential)
        target = KubernetesTarget(server=api.server, namespace="default", credential="lab")
        states.read(target, settings)

    with pytest.raises(NoResponseError, match="nothing listens there"):
        states.read(target, settings)

    with kubernetes_emulator(api.auth, urlsplit(api.server).port or 0) as restarted:
        states.read(target, settings)
        assert restarted.connection_count == 1


def test_connection_that_closes_during_a_request_is_replaced(
    api: EmulatedKubernetesApi, use: Use, target: KubernetesTarget
) -> None:
    use(target)
    api.inject_fault(BrokenConnection(times=1))

    use(target)

    assert api.connection_count == 2
    assert len(api.request_paths) == 3


def test_server_that_closes_every_connection_is_an_error(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, states: LiveStateCache
) -> None:
    states.read(target, settings)
    requests = len(api.request_paths)
    api.inject_fault(BrokenConnection())

    with pytest.raises(NoResponseError, match="cannot be reached"):
        states.read(target, settings)

    assert len(api.request_paths) == requests + 2


@dataclass
class Redirect(Fault):
    """A redirect to another place."""

    location: str = ""

    async def respond(self, _request: web.BaseRequest) -> web.StreamResponse:
        self.times -= 1
        return web.Response(status=self.status, headers={"Location": self.location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    states: LiveStateCache,
    status: int,
) -> None:
    with kubernetes_emulator(api.auth) as elsewhere:
        for server in (api.server, elsewhere.server):
            api.inject_fault(Redirect(status, location=f"{server}{PATH}", times=1))
            with pytest.raises(PermanentError, match="redirects elsewhere"):
                states.read(target, settings)
        assert not elsewhere.request_paths
    assert len(api.request_paths) == 2


def test_api_may_be_below_a_path_of_its_server(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, credential: Path
) -> None:
    """As behind Rancher."""
    server = f"{api.server}/k8s/clusters/c-1"
    (credential / "server").write_text(server)
    behind_path = target.model_copy(update={"server": f"{server}/"})

    with ClientCache().client(behind_path, settings) as client:
        client.get(PATH, {"limit": 1}, (20, 20)).close()

    assert api.request_paths == [f"/k8s/clusters/c-1{PATH}?limit=1"]


def test_host_that_is_no_name_is_a_permanent_error(
    target: KubernetesTarget, settings: Settings, states: LiveStateCache
) -> None:
    nowhere = target.model_copy(update={"server": "https://a%zz:6443", "credential": "none"})

    with pytest.raises(PermanentError, match="is not a usable URL"):
        states.read(nowhere, settings)


def test_proxy_of_the_environment_is_asked_for_a_tunnel(
    target: KubernetesTarget, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = "https://fabric.example:6443"
    elsewhere = target.model_copy(update={"server": server, "credential": "none"})
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        asked = Future[bytes]()
        Thread(target=refuse_one_tunnel, args=(proxy, asked), daemon=True).start()
        with pytest.raises(NoResponseError, match="through the worker's proxy"):
            LiveStateCache().read(elsewhere, settings)

    assert asked.result(20).startswith(b"CONNECT fabric.example:6443 ")


def refuse_one_tunnel(proxy: socket.socket, asked: Future[bytes]) -> None:
    connection, _ = proxy.accept()
    with connection:
        asked.set_result(connection.recv(4096))
        connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


def test_idle_connection_is_closed(
    api: EmulatedKubernetesApi, target: KubernetesTarget, use: Use, clock: Clock
) -> None:
    """As that of a fabric that was removed, once any other fabric is read."""
    use(in_namespace(target, "removed"))
    clock.now += MAX_IDLE_SECONDS - 1
    use(target)
    assert count_open_sockets(api) == 2

    clock.now += 1
    use(target)

    assert count_open_sockets(api) == 1
    assert api.connection_count == 2


def test_old_connection_is_replaced(
    api: EmulatedKubernetesApi, target: KubernetesTarget, use: Use, clock: Clock
) -> None:
    opened = clock.now
    while clock.now < opened + MAX_AGE_SECONDS:
        use(target)
        assert api.connection_count == 1
        clock.now += MAX_IDLE_SECONDS / 2

    use(target)

    assert api.connection_count == 2
    assert count_open_sockets(api) == 1


def test_number_of_idle_connections_is_bounded(
    api: EmulatedKubernetesApi, target: KubernetesTarget, use: Use
) -> None:
    for _ in range(2):
        for namespace in ("first", "second", "third"):
            use(in_namespace(target, namespace))

    assert count_open_sockets(api) == 2
    assert api.connection_count == 4, "the first two are kept, the third connects each time"


def test_each_thread_has_a_client_of_its_own(
    api: EmulatedKubernetesApi, target: KubernetesTarget, settings: Settings, clients: ClientCache
) -> None:
    with ExitStack() as stack:
        both = [stack.enter_context(clients.client(target, settings)) for _ in range(2)]
        for client in both:
            list_servers(client)
        assert both[0] is not both[1]
        assert count_open_sockets(api) == 2

    assert count_open_sockets(api) == 1
    with clients.client(target, settings) as client:
        assert client in both


def test_client_is_dropped_if_its_credential_changed_during_its_use(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    settings: Settings,
    clients: ClientCache,
    credential: Path,
) -> None:
    with clients.client(target, settings) as old:
        list_servers(old)
        (credential / "ca.crt").write_text(f"renewed\n{api.auth.ca_cert}")
    with clients.client(target, settings) as new:
        list_servers(new)

    assert api.connection_count == 2
    assert count_open_sockets(api) == 1


@pytest.fixture
def loaded(
    api: EmulatedKubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[ssl.SSLContext]:
    """Make the system trust the API's CA, too; the contexts that have loaded its CAs."""
    (tmp_path / "system-ca.pem").write_text(api.auth.ca_cert)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "system-ca.pem"))
    loaded, load = list[ssl.SSLContext](), ssl.SSLContext.load_default_certs

    def load_and_note(context: ssl.SSLContext, *purpose: ssl.Purpose) -> None:
        loaded.append(context)
        load(context, *purpose)

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", load_and_note)
    return loaded


def test_system_cas_are_loaded_once_for_all_fabrics(
    api: EmulatedKubernetesApi,
    target: KubernetesTarget,
    use: Use,
    credential: Path,
    loaded: list[ssl.SSLContext],
) -> None:
    (credential / "ca.crt").unlink()
    for namespace in ("first", "second"):
        use(in_namespace(target, namespace))

    assert api.connection_count == 2
    assert len(loaded) == 1
