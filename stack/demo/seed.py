"""The initial contents of the demo's services: what an operator would set up."""

import socket
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from activities.netbox.client import NetBox
from activities.setup import all_items, apply, issue_token
from stack.demo.fabrics import SAMPLES_DIR, SampleFabric
from stack.demo.switch_profiles import make_switch_profiles
from stack.kubernetes.api import kubernetes_api
from stack.kubernetes.crds_and_rbac import HEALTH_ROLE_FILE, read_cluster_role
from stack.kubernetes.emulator import EmulatedKubernetesApi
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import StackError
from stack.services.git_server import GitRepository, GitServer
from stack.stack import Stack

SYNC_INTERVAL_SECONDS: Final = 30
STUCK_AFTER_SECONDS: Final = 45
"""Short enough to watch. A simulated switch applies a change in 5 seconds, if at all."""


def set_up_netbox(stack: Stack) -> str:
    """Set up NetBox like `starter.py setup`; return the token of the user for syncs."""
    with closing(_make_netbox_client(stack.netbox.url, stack.netbox.token)) as netbox:
        for _change in apply(netbox, all_items(stack.temporal.ui_url, "default")):
            pass
        token = issue_token(netbox)
    if token is None:
        raise StackError("The demo's NetBox is new, but its user for syncs already has a token.")
    return token


def commit_manifests(server: GitServer, fabrics: Iterable[SampleFabric]) -> GitRepository:
    """Create a repository with a directory of manifests for each fabric."""
    repository = server.create_repository("fabrics")
    files = [file for fabric in fabrics for file in fabric.directory.rglob("*.yaml")]
    repository.commit(
        {str(file.relative_to(SAMPLES_DIR)): file.read_text() for file in files},
        message="The fabrics of Berlin, Oslo and Lyon",
    )
    return repository


def start_kubernetes_apis(
    fabrics: Iterable[SampleFabric], credentials: Path, exits: ExitStack
) -> dict[str, str]:
    """Start each fabric's Kubernetes API, write its credential; return the URLs.

    They run until `exits` closes.
    """
    return {
        fabric.name: _start_kubernetes_api(fabric, credentials / fabric.name, exits)
        for fabric in fabrics
    }


def create_records(
    settings: Mapping[str, str], servers: Mapping[str, str], repository: str
) -> None:
    """Create a record in NetBox for each of `servers`, as the user for syncs."""
    url, token = settings["FABRIC_SYNC_NETBOX_URL"], settings["FABRIC_SYNC_NETBOX_TOKEN"]
    with closing(_make_netbox_client(url, token)) as netbox:
        for name, server in servers.items():
            fields = {
                "hh_sync_interval": SYNC_INTERVAL_SECONDS,
                "hh_kubernetes_server": server,
                "hh_git_repository": repository,
                "hh_git_directory": name,
            }
            netbox.create_record(name, fields)


def _start_kubernetes_api(fabric: SampleFabric, credential: Path, exits: ExitStack) -> str:
    if fabric.make_live is None:
        return _make_unreachable_api(credential, exits)
    api = exits.enter_context(kubernetes_api())
    api.apply_all([*make_switch_profiles(), *fabric.make_live(fabric.read_desired())])
    api.bind_role(read_cluster_role(HEALTH_ROLE_FILE))
    if isinstance(api, EmulatedKubernetesApi):  # no agents write to the real API server
        fabric.change_agents(api.run_agents())
    api.write_credential(credential)
    return api.server


def _make_unreachable_api(credential: Path, exits: ExitStack) -> str:
    """Return the URL of an API that is down: a reserved port without a listener."""
    port = exits.enter_context(socket.socket())
    port.bind((LOOPBACK, 0))
    url = f"https://{LOOPBACK}:{port.getsockname()[1]}"
    credential.mkdir(parents=True)
    (credential / "server").write_text(url)
    (credential / "token").write_text("of-no-use-while-the-api-is-down")
    return url


def _make_netbox_client(url: str, token: str) -> NetBox:
    return NetBox(url, token, connect_timeout=5, timeout=60)
