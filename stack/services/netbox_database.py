"""NetBox's database, restored from a dump or made by migrations.

NetBox's more than 300 migrations take minutes and leave the same each time. So what they leave for the
locked version is part of the project; any other version migrates. To make the dump anew:
`python -m stack.services.netbox_database`.
"""

import lzma
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from stack.cache import Progress, cache_dir, fingerprint, get_or_make
from stack.processes.supervisor import Supervisor
from stack.services.netbox_runtime import LOCK_FILE, SITE_DIR, NetBoxRuntime, ensure_python
from stack.services.postgres import Postgres, find_binaries
from stack.services.valkey import start_valkey

MIGRATION_COUNT: Final = 336  # in NetBox 4.7.3; only for the progress display

_VOLATILE: Final = re.compile(
    r"^\\(un)?restrict .*\n"  # a random key, which older programs do not understand
    r"|^-- Dumped (from|by) .*\n"
    r"|(?<=\t)\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00(?=[\t\n])",
    re.MULTILINE,
)
"""What differs from dump to dump: when each migration ran, and who dumped."""


def create_database(
    runtime: NetBoxRuntime, postgres: Postgres, supervisor: Supervisor, progress: Progress
) -> None:
    """Start PostgreSQL with the database of a new NetBox."""
    dump = find_dump()
    contents = dump.read_bytes() if dump else b""
    key = fingerprint(LOCK_FILE.read_bytes(), postgres.version.encode(), contents)
    fill = (
        partial(_restore, contents, postgres, progress)
        if dump
        else partial(_migrate, runtime, supervisor, progress)
    )
    make = partial(_make_data_directory, postgres, fill)
    entry = get_or_make(cache_dir() / f"netbox-database-{key}", make, supervisor, progress)
    postgres.create_from(entry / "data")


def find_dump() -> Path | None:
    """Return the dump for the locked version of NetBox; None if there is none."""
    path = _dump_path()
    return path if path.exists() else None


def _dump_path() -> Path:
    packages = tomllib.loads(LOCK_FILE.read_text())["package"]
    version = next(package["version"] for package in packages if package["name"] == "netbox")
    return SITE_DIR / f"netbox-{version}.sql.xz"


def _make_data_directory(postgres: Postgres, fill: Callable[[], None], target: Path) -> None:
    service = postgres.create()
    fill()
    service.stop()
    shutil.copytree(postgres.data_directory, target / "data")
    shutil.rmtree(postgres.data_directory)


def _restore(dump: bytes, postgres: Postgres, progress: Progress) -> None:
    progress("Restoring NetBox's database")
    postgres.restore(lzma.decompress(dump))


def _migrate(runtime: NetBoxRuntime, supervisor: Supervisor, progress: Progress) -> None:
    progress("Preparing NetBox's database (only once for this user); this takes a few minutes")
    supervisor.run(
        "NetBox migrations",
        runtime.make_command("netbox", "migrate", "--no-input"),
        env=runtime.make_environment(),
        on_line=_make_migration_counter(progress),
    )


def _make_migration_counter(progress: Progress) -> Callable[[str], None]:
    numbers = count(1)

    def count_migration(line: str) -> None:
        if line.endswith("... OK"):
            progress(f"NetBox's database: {next(numbers)} of {MIGRATION_COUNT} migrations")

    return count_migration


def dump_after_migrations(progress: Progress) -> bytes:
    """Return the SQL of a database that NetBox's migrations made. Takes minutes."""
    with tempfile.TemporaryDirectory(prefix="fabric-sync-dump-") as name:
        directory = Path(name)
        directory.chmod(0o711)  # PostgreSQL may run as another user
        supervisor = Supervisor(directory)
        try:
            valkey = start_valkey(directory, supervisor)
            runtime = NetBoxRuntime(ensure_python(supervisor, progress), directory, valkey)
            postgres = Postgres(find_binaries(), runtime.database_directory, supervisor)
            postgres.create()
            _migrate(runtime, supervisor, progress)
            return _VOLATILE.sub(_replace_volatile, postgres.dump().decode()).encode()
        finally:
            supervisor.close()


def _replace_volatile(found: re.Match[str]) -> str:
    return "2000-01-01 00:00:00+00" if found[0][0].isdigit() else ""


if __name__ == "__main__":
    _dump_path().write_bytes(
        lzma.compress(dump_after_migrations(lambda step: print(step, file=sys.stderr)), preset=9)
    )
