"""The demo: the local stack, three fabrics with records in NetBox, and a worker."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from stack.cache import Progress
from stack.demo.env_file import env_file
from stack.demo.fabrics import SAMPLE_FABRICS
from stack.demo.kubeconfig import write_kubeconfig
from stack.demo.seed import (
    STUCK_AFTER_SECONDS,
    commit_manifests,
    create_records,
    set_up_netbox,
    start_kubernetes_apis,
)
from stack.processes.supervisor import Service, Supervisor
from stack.stack import Stack

WORKER_SCRIPT: Final = Path(__file__).parents[2] / "worker.py"


@dataclass(frozen=True)
class Demo:
    """A running demo, and the environment in which commands and people reach it."""

    stack: Stack
    worker: Service
    git_url: str
    environment: dict[str, str]
    env_file: Path


@contextmanager
def running_demo(progress: Progress, folder: Path) -> Iterator[Demo]:
    """Run the demo, with no fabric enabled yet and `.demo.env` in `folder`."""
    with ExitStack() as exits:
        stack = exits.enter_context(Stack(progress))
        files = Path(exits.enter_context(TemporaryDirectory(dir=stack.log_dir.parent)))
        progress("Setting up NetBox for Fabric Sync")
        settings = make_worker_environment(stack, set_up_netbox(stack), files)
        settings["FABRIC_SYNC_STUCK_AFTER"] = str(STUCK_AFTER_SECONDS)
        progress("Starting the fabrics' Kubernetes APIs")
        credentials, kubeconfig = files / "credentials", files / "kubeconfig"
        servers = start_kubernetes_apis(SAMPLE_FABRICS, credentials, exits)
        write_kubeconfig(kubeconfig, servers, credentials)
        repository = commit_manifests(stack.git, SAMPLE_FABRICS)
        create_records(settings, servers, repository.url)
        progress("Starting the worker")
        supervisor = exits.enter_context(closing(Supervisor(stack.log_dir)))
        worker = supervisor.start("Worker", [sys.executable, WORKER_SCRIPT], env=settings)
        environment = settings | {
            "NETBOX_USER": stack.netbox.user,
            "NETBOX_PASSWORD": stack.netbox.password,
            "TEMPORAL_UI_URL": stack.temporal.ui_url,
            "KUBECONFIG": str(kubeconfig),
        }
        path = exits.enter_context(env_file(environment, folder))
        yield Demo(stack, worker, repository.url, environment, path)


def make_worker_environment(stack: Stack, netbox_token: str, files: Path) -> dict[str, str]:
    """Return the settings of worker and commands that differ from the defaults."""
    return {
        "FABRIC_SYNC_NETBOX_URL": stack.netbox.url,
        "FABRIC_SYNC_NETBOX_TOKEN": netbox_token,
        "FABRIC_SYNC_CREDENTIALS_DIR": str(files / "credentials"),
        "FABRIC_SYNC_CACHE_DIR": str(files / "cache"),
        "FABRIC_SYNC_GIT_ALLOW_LOCAL": "true",
        "FABRIC_SYNC_GRACEFUL_SHUTDOWN": "5",
        "TEMPORAL_ADDRESS": stack.temporal.address,
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": "/dev/null",  # ignore the user's own profiles
    }
