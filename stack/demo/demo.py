"""Everything that the demo runs, from the first service to a worker that waits for fabrics to sync."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from stack.cache import Progress
from stack.demo.env_file import env_file
from stack.demo.fabrics import SAMPLE_FABRICS
from stack.demo.seed import commit_manifests, create_records, set_up_netbox, start_kubernetes_apis
from stack.processes.supervisor import Service, Supervisor
from stack.stack import Stack

WORKER_SCRIPT: Final = Path(__file__).parents[2] / "worker.py"


@dataclass(frozen=True)
class Demo:
    """A running demo: its services, its worker, and the environment in which commands reach them."""

    stack: Stack
    worker: Service
    git_url: str
    environment: dict[str, str]
    env_file: Path


@contextmanager
def running_demo(progress: Progress, folder: Path) -> Iterator[Demo]:
    """The demo with its three records in NetBox, none enabled yet; `.demo.env` stands in `folder`."""
    with ExitStack() as exits:
        stack = exits.enter_context(Stack(progress))
        files = Path(exits.enter_context(TemporaryDirectory(dir=stack.log_dir.parent)))
        progress("Setting up NetBox for fabrics")
        settings = make_worker_environment(stack, set_up_netbox(stack), files)
        progress("Starting the fabrics' Kubernetes APIs")
        servers = start_kubernetes_apis(SAMPLE_FABRICS, files / "credentials", exits)
        repository = commit_manifests(stack.git, SAMPLE_FABRICS)
        create_records(settings, servers, repository.url)
        progress("Starting the worker")
        supervisor = Supervisor(stack.log_dir)
        exits.callback(supervisor.close)
        worker = supervisor.start("Worker", [sys.executable, WORKER_SCRIPT], env=settings)
        environment = settings | make_terminal_environment(stack)
        path = exits.enter_context(env_file(environment, folder))
        yield Demo(stack, worker, repository.url, environment, path)


def make_worker_environment(stack: Stack, netbox_token: str, files: Path) -> dict[str, str]:
    """The settings of the worker and of commands; what they don't name has its default."""
    return {
        "FABRIC_SYNC_NETBOX_URL": stack.netbox.url,
        "FABRIC_SYNC_NETBOX_TOKEN": netbox_token,
        "FABRIC_SYNC_CREDENTIALS_DIR": str(files / "credentials"),
        "FABRIC_SYNC_CACHE_DIR": str(files / "cache"),
        "FABRIC_SYNC_GIT_ALLOW_LOCAL": "true",
        "FABRIC_SYNC_GRACEFUL_SHUTDOWN": "5",
        "TEMPORAL_ADDRESS": stack.temporal.address,
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": "/dev/null",  # whoever runs the demo may have profiles of their own
    }


def make_terminal_environment(stack: Stack) -> dict[str, str]:
    """What people need besides, to look at the same things in a browser."""
    return {
        "NETBOX_USER": stack.netbox.user,
        "NETBOX_PASSWORD": stack.netbox.password,
        "TEMPORAL_UI_URL": stack.temporal.ui_url,
    }
