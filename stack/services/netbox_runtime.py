"""NetBox's own virtual environment, and how its programs are called.

NetBox pins its requirements, so it does not share ours: its environment is made once with uv from
`stack/netbox_site/uv.lock`.
"""

import os
import secrets
import string
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import uv

from stack.cache import Progress, cache_dir, fingerprint, get_or_make
from stack.processes.supervisor import Supervisor

SITE_DIR: Final = Path(__file__).parents[1] / "netbox_site"
LOCK_FILE: Final = SITE_DIR / "uv.lock"


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
            "NETBOX_SECRET_KEY": make_random_text(50),
            "NETBOX_TOKEN_PEPPER": make_random_text(50),
        }


def ensure_python(supervisor: Supervisor, progress: Progress) -> Path:
    """Return the interpreter of NetBox's virtual environment, which is made at first."""
    interpreter = f"{sys.version} {sys.base_prefix}"
    key = fingerprint(LOCK_FILE.read_bytes(), interpreter.encode())
    install = partial(_install_netbox, supervisor, progress)
    entry = cache_dir() / f"netbox-environment-{key}"
    return get_or_make(entry, install, supervisor, progress) / "bin" / "python"


def _install_netbox(supervisor: Supervisor, progress: Progress, target: Path) -> None:
    progress("Installing NetBox (only once for this user)")
    # Keep all that the user has set for uv: indexes, proxies, certificates.
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(target)}
    command = [uv.find_uv_bin(), "sync", "--locked", "--compile-bytecode"]
    command += [f"--project={SITE_DIR}", f"--python={sys.executable}"]
    supervisor.run("uv sync", command, env=variables)


def make_random_text(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))
