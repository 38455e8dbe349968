"""A backup of NetBox's database, and its restore, as its operator makes them."""

import subprocess
from pathlib import Path

from stack.services.postgres import DATABASE_USER, find_binaries


def back_up(database: Path) -> bytes:
    """Return a dump; `database` is the folder of PostgreSQL's socket."""
    return _run(database, "pg_dump", "--clean", "--if-exists", "--no-owner", "--no-privileges")


def restore(database: Path, dump: bytes) -> None:
    """Replace all that is in the database by a dump, while nobody asks NetBox."""
    _run(database, "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", stdin=dump)


def _run(database: Path, program: str, *options: str, stdin: bytes = b"") -> bytes:
    connection = (f"--host={database}", f"--username={DATABASE_USER}", "--dbname=netbox")
    command = [find_binaries().program_path(program), *connection, *options]
    return subprocess.run(command, input=stdin, check=True, stdout=subprocess.PIPE).stdout
