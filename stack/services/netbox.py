"""The real NetBox with its background worker.

NetBox pins its requirements, so it runs in its own virtual environment, made once with uv from
`stack/netbox_site/uv.lock`. Its more than 300 migrations take minutes: they run once, and every
stack starts from a copy of the resulting data directory.
"""

import os
import secrets
import shutil
import signal
import string
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

import pynetbox
import requests
import uv

from stack.cache import Progress, cache_dir, fingerprint, get_or_make
from stack.processes.ports import LOOPBACK
from stack.processes.supervisor import Supervisor
from stack.services.postgres import Postgres, find_binaries

SITE_DIR = Path(__file__).parents[1] / "netbox_site"
LOCK_FILE = SITE_DIR / "uv.lock"
MIGRATION_COUNT = 336  # in NetBox 4.7.3; only for the progress display
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


@dataclass(frozen=True)
class NetBoxServer:
    """The address and the superuser of a running NetBox."""

    url: str
    user: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class NetBoxRuntime:
    """The interpreter of one NetBox, and the directory of its database and files."""

    python: Path
    directory: Path
    valkey_socket: Path

    @property
    def database_directory(self) -> Path:
        return self.directory / "postgres"

    def make_command(self, module: str, *arguments: str) -> list[str]:
        return [str(self.python), "-m", module, *arguments]

    def make_environment(self) -> dict[str, str]:
        """Return the variables of `netbox_site/site_configuration.py`, with new secrets."""
        return {
            "PYTHONPATH": str(SITE_DIR),
            "PYTHONUNBUFFERED": "1",
            "NETBOX_ROOT": str(self.directory),
            "NETBOX_CONFIGURATION": "site_configuration",
            "NETBOX_DATABASE_HOST": str(self.database_directory),
            "NETBOX_TASKS_REDIS_URL": f"unix://{self.valkey_socket}",
            "NETBOX_CACHE_REDIS_URL": f"unix://{self.valkey_socket}?db=1",
            "NETBOX_SECRET_KEY": _make_random_text(50),
            "NETBOX_TOKEN_PEPPER": _make_random_text(50),
        }


def start_netbox(
    directory: Path, valkey_socket: Path, supervisor: Supervisor, progress: Progress
) -> NetBoxServer:
    """Start PostgreSQL, NetBox and its worker; return when the API answers."""
    binaries = find_binaries()
    virtualenv = _ensure_virtualenv(supervisor, progress)
    runtime = NetBoxRuntime(virtualenv / "bin" / "python", directory, valkey_socket)
    postgres = Postgres(binaries, runtime.database_directory, supervisor)
    postgres.create_from(_ensure_migrated_database(runtime, postgres, supervisor, progress))
    return _start_services(runtime, supervisor)


def _ensure_virtualenv(supervisor: Supervisor, progress: Progress) -> Path:
    interpreter = f"{sys.version} {sys.base_prefix}"
    key = fingerprint(LOCK_FILE.read_bytes(), interpreter.encode())
    install = partial(_install_netbox, supervisor, progress)
    return get_or_make(cache_dir() / f"netbox-environment-{key}", install, supervisor, progress)


def _install_netbox(supervisor: Supervisor, progress: Progress, target: Path) -> None:
    progress("Installing NetBox (only once for this user)")
    # Keep all that the user has set for uv: indexes, proxies, certificates.
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(target)}
    command = [uv.find_uv_bin(), "sync", "--locked", "--compile-bytecode"]
    command += [f"--project={SITE_DIR}", f"--python={sys.executable}"]
    supervisor.run("uv sync", command, env=variables)


def _ensure_migrated_database(
    runtime: NetBoxRuntime, postgres: Postgres, supervisor: Supervisor, progress: Progress
) -> Path:
    key = fingerprint(LOCK_FILE.read_bytes(), postgres.version.encode())
    migrate = partial(_migrate_database, runtime, postgres, supervisor, progress)
    entry = get_or_make(cache_dir() / f"netbox-database-{key}", migrate, supervisor, progress)
    return entry / "data"


def _migrate_database(
    runtime: NetBoxRuntime, postgres: Postgres, supervisor: Supervisor, progress: Progress, to: Path
) -> None:
    progress("Preparing NetBox's database (only once for this user); this takes a few minutes")
    service = postgres.create()
    supervisor.run(
        "NetBox migrations",
        runtime.make_command("netbox", "migrate", "--no-input"),
        env=runtime.make_environment(),
        on_line=_make_migration_counter(progress),
    )
    service.stop()
    shutil.copytree(postgres.data_directory, to / "data")
    shutil.rmtree(postgres.data_directory)


def _make_migration_counter(progress: Progress) -> Callable[[str], None]:
    numbers = count(1)

    def count_migration(line: str) -> None:
        if line.endswith("... OK") and (applied := next(numbers)) % 10 == 0:
            progress(f"NetBox's database: {applied} of {MIGRATION_COUNT} migrations")

    return count_migration


def _start_services(runtime: NetBoxRuntime, supervisor: Supervisor) -> NetBoxServer:
    token = f"nbt_{_make_random_text(12)}.{_make_random_text(40)}"
    port = supervisor.ports.reserve(8000)
    netbox = NetBoxServer(f"http://{LOOPBACK}:{port}", "admin", _make_random_text(16), token)
    variables = runtime.make_environment() | {
        "NETBOX_ADMIN_NAME": netbox.user,
        "NETBOX_ADMIN_PASSWORD": netbox.password,
        "NETBOX_ADMIN_TOKEN": netbox.token,
    }
    options = [*GUNICORN_OPTIONS, f"--bind={LOOPBACK}:{port}"]
    gunicorn = runtime.make_command("gunicorn", *options, "site_wsgi")
    server = supervisor.start("NetBox", gunicorn, env=variables)
    worker = runtime.make_command("netbox", "rqworker")
    # SIGKILL: it would wait for its jobs to finish, and nobody needs their results.
    supervisor.start("NetBox worker", worker, env=variables, stop_signal=signal.SIGKILL)
    server.wait_until(lambda: _is_ready(netbox), timeout_seconds=180)
    return netbox


def _is_ready(netbox: NetBoxServer) -> bool:
    try:
        return "netbox-version" in pynetbox.api(netbox.url, token=netbox.token).status()
    except (requests.ConnectionError, pynetbox.RequestError):
        return False


def _make_random_text(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
