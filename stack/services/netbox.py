"""The real NetBox with its background worker.

NetBox's requirements are exact, so it lives in an environment of its own, made once with uv from
`stack/netbox_site/uv.lock`. Its more than 300 migrations take minutes: they run once, and the
stopped database server's directory is kept as the template that every stack copies.
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
MIGRATION_COUNT = 336  # of NetBox 4.7.3; only for the progress display
GUNICORN_OPTIONS = (
    "--preload",
    "--workers=2",
    "--worker-class=gthread",
    "--threads=4",
    "--keep-alive=0",  # a kept connection stays with its worker: one would do all, the other nothing
    "--timeout=120",
    "--graceful-timeout=2",
    "--no-control-socket",
)


@dataclass(frozen=True)
class NetBoxServer:
    """A running NetBox: its address and its superuser."""

    url: str
    user: str
    password: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class NetBoxRuntime:
    """What one NetBox needs: its interpreter, and a directory for its database, socket and files."""

    python: Path
    directory: Path
    valkey_socket: Path

    @property
    def database_directory(self) -> Path:
        return self.directory / "postgres"

    def make_command(self, module: str, *arguments: str) -> list[str]:
        return [str(self.python), "-m", module, *arguments]

    def make_environment(self) -> dict[str, str]:
        """The environment that `netbox_site/site_configuration.py` reads, with new secrets."""
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
    """Start PostgreSQL, NetBox and its worker in `directory`; return when the API answers."""
    binaries = find_binaries()
    environment = _ensure_virtualenv(supervisor, progress)
    site = NetBoxRuntime(environment / "bin" / "python", directory, valkey_socket)
    postgres = Postgres(binaries, site.database_directory, supervisor)
    postgres.create_from(_ensure_migrated_database(site, postgres, supervisor, progress))
    return _start_services(site, supervisor)


def _ensure_virtualenv(supervisor: Supervisor, progress: Progress) -> Path:
    interpreter = f"{sys.version} {sys.base_prefix}"
    key = fingerprint(LOCK_FILE.read_bytes(), interpreter.encode())
    install = partial(_install_netbox, supervisor, progress)
    return get_or_make(cache_dir() / f"netbox-environment-{key}", install, supervisor, progress)


def _install_netbox(supervisor: Supervisor, progress: Progress, target: Path) -> None:
    progress("Installing NetBox, once for this user")
    # Everything the user has set for uv counts: indexes, proxies, certificates.
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(target)}
    options = [
        "--locked",
        "--compile-bytecode",
        f"--project={SITE_DIR}",
        f"--python={sys.executable}",
    ]
    supervisor.run("uv sync", [uv.find_uv_bin(), "sync", *options], env=variables)


def _ensure_migrated_database(
    runtime: NetBoxRuntime, postgres: Postgres, supervisor: Supervisor, progress: Progress
) -> Path:
    key = fingerprint(LOCK_FILE.read_bytes(), postgres.version.encode())
    migrate = partial(_migrate_database, runtime, postgres, supervisor, progress)
    entry = get_or_make(cache_dir() / f"netbox-database-{key}", migrate, supervisor, progress)
    return entry / "data"


def _migrate_database(
    runtime: NetBoxRuntime,
    postgres: Postgres,
    supervisor: Supervisor,
    progress: Progress,
    target: Path,
) -> None:
    progress("Preparing NetBox's database, once for this user: this takes some minutes")
    service = postgres.create()
    supervisor.run(
        "NetBox migrations",
        runtime.make_command("netbox", "migrate", "--no-input"),
        env=runtime.make_environment(),
        on_line=_make_migration_counter(progress),
    )
    service.stop()
    shutil.copytree(postgres.data_directory, target / "data")
    shutil.rmtree(postgres.data_directory)


def _make_migration_counter(progress: Progress) -> Callable[[str], None]:
    numbers = count(1)

    def see(line: str) -> None:
        if line.endswith("... OK") and (applied := next(numbers)) % 10 == 0:
            progress(f"NetBox's database: {applied} of {MIGRATION_COUNT} migrations")

    return see


def _start_services(runtime: NetBoxRuntime, supervisor: Supervisor) -> NetBoxServer:
    token = f"nbt_{_make_random_text(12)}.{_make_random_text(40)}"
    port = supervisor.ports.reserve(8000)
    netbox = NetBoxServer(f"http://{LOOPBACK}:{port}", "admin", _make_random_text(16), token)
    variables = runtime.make_environment() | {
        "NETBOX_ADMIN_NAME": netbox.user,
        "NETBOX_ADMIN_PASSWORD": netbox.password,
        "NETBOX_ADMIN_TOKEN": netbox.token,
    }
    gunicorn = runtime.make_command(
        "gunicorn", *GUNICORN_OPTIONS, f"--bind={LOOPBACK}:{port}", "site_wsgi"
    )
    server = supervisor.start("NetBox", gunicorn, env=variables)
    worker = runtime.make_command("netbox", "rqworker")
    # Killed at the end: it would wait for jobs that nobody will see the outcome of.
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
