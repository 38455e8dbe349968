"""The real NetBox with its background worker."""

import signal
from dataclasses import dataclass, field
from pathlib import Path

import pynetbox
import requests

from stack.cache import Progress
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import Supervisor
from stack.services.netbox_database import create_database
from stack.services.netbox_runtime import NetBoxRuntime, ensure_python, make_random_text
from stack.services.postgres import Postgres, find_binaries

GUNICORN_OPTIONS = (
    "--preload",
    "--workers=2",
    "--worker-class=gthread",
    "--threads=4",
    "--keep-alive=0",  # a kept-alive connection pins its client to one worker
    "--timeout=120",
    "--graceful-timeout=2",
    "--no-control-socket",
)
WORKER_OPTIONS = (
    "--worker-class=rq.SimpleWorker",  # each change in NetBox is a job: a fork for each takes longer
    "--skip-checks",  # they load all views, which takes seconds and serves no job
)


@dataclass(frozen=True)
class NetBoxServer:
    """The addresses of a running NetBox and its database, and its superuser."""

    url: str
    database: Path
    user: str
    password: str = field(repr=False)
    token: str = field(repr=False)


def start_netbox(
    directory: Path, valkey_socket: Path, supervisor: Supervisor, progress: Progress
) -> NetBoxServer:
    """Start PostgreSQL, NetBox and its worker; return when the API answers."""
    runtime = NetBoxRuntime(ensure_python(supervisor, progress), directory, valkey_socket)
    postgres = Postgres(find_binaries(), runtime.database_directory, supervisor)
    create_database(runtime, postgres, supervisor, progress)
    return _start_services(runtime, supervisor)


def _start_services(runtime: NetBoxRuntime, supervisor: Supervisor) -> NetBoxServer:
    token = f"nbt_{make_random_text(12)}.{make_random_text(40)}"
    port = supervisor.ports.reserve(8000)
    url, database = f"http://{LOOPBACK}:{port}", runtime.database_directory
    netbox = NetBoxServer(url, database, "admin", make_random_text(16), token)
    variables = runtime.make_environment() | {
        "NETBOX_ADMIN_NAME": netbox.user,
        "NETBOX_ADMIN_PASSWORD": netbox.password,
        "NETBOX_ADMIN_TOKEN": netbox.token,
    }
    options = [*GUNICORN_OPTIONS, f"--bind={LOOPBACK}:{port}"]
    gunicorn = runtime.make_command("gunicorn", *options, "site_wsgi")
    server = supervisor.start("NetBox", gunicorn, env=variables)
    worker = runtime.make_command("netbox", "rqworker", *WORKER_OPTIONS)
    # SIGKILL: it would wait for its jobs to finish, and nobody needs their results.
    supervisor.start("NetBox worker", worker, env=variables, stop_signal=signal.SIGKILL)
    server.wait_until(lambda: _is_ready(netbox), timeout_seconds=180)
    return netbox


def _is_ready(netbox: NetBoxServer) -> bool:
    try:
        return "netbox-version" in pynetbox.api(netbox.url, token=netbox.token).status()
    except (requests.ConnectionError, pynetbox.RequestError):
        return False
