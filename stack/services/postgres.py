"""A PostgreSQL server for one stack, reached through a Unix socket.

All its data can be created again, so it trades durability for speed. PostgreSQL refuses to run as
root; root therefore starts it as `nobody`, who owns only the server's directory.
"""

import os
import pwd
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack.processes.supervisor import Service, StackError, Supervisor

UNPRIVILEGED_USER = "nobody"
DATABASE_USER = "netbox"
MIN_MAJOR_VERSION = 14  # NetBox 4.7, https://netboxlabs.com/docs/netbox/installation/postgresql/
NON_DURABLE_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresBinaries:
    """The folder of the server's programs, and the output of `postgres --version`."""

    folder: Path
    version: str

    @property
    def major_version(self) -> int:
        number = re.search(r"\d+", self.version)
        return int(number[0]) if number else 0

    def program_path(self, name: str) -> str:
        return str(self.folder / name)


def find_binaries() -> PostgresBinaries:
    """Find a PostgreSQL server: in Debian's folders, newest first, then on the PATH.

    Raises StackError, which names the package to install, if NetBox can use none of them.
    """
    for folder in _list_candidate_folders():
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            command = [str(folder / "postgres"), "--version"]
            version = subprocess.check_output(command, text=True).strip()
            binaries = PostgresBinaries(folder, version)
            if binaries.major_version >= MIN_MAJOR_VERSION:
                return binaries
    raise StackError(
        f"PostgreSQL {MIN_MAJOR_VERSION} or newer is not installed. Run: sudo apt-get install postgresql"
    )


def _list_candidate_folders() -> list[Path]:
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(debian, key=lambda folder: folder.parent.name, reverse=True)
    return [*newest_first, *_find_folders_on_path()]


def _find_folders_on_path() -> Iterator[Path]:
    if postgres := shutil.which("postgres"):
        yield Path(postgres).resolve().parent
    if pg_config := shutil.which("pg_config"):
        yield Path(subprocess.check_output([pg_config, "--bindir"], text=True).strip())


class Postgres:
    """One server with its data and socket in `directory`; the user is `netbox`."""

    def __init__(self, binaries: PostgresBinaries, directory: Path, supervisor: Supervisor) -> None:
        self.directory = directory
        self.data_directory = directory / "data"
        self._binaries = binaries
        self._supervisor = supervisor
        self._user = UNPRIVILEGED_USER if os.geteuid() == 0 else ""

    @property
    def version(self) -> str:
        return self._binaries.version

    def create(self) -> Service:
        """Create an empty cluster with the database `netbox`, and start it."""
        self.directory.mkdir(exist_ok=True)
        self._chown_directory()
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1")
        self._run(
            "initdb", f"--pgdata={self.data_directory}", f"--username={DATABASE_USER}", *options
        )
        service = self.start()
        self._run("createdb", f"--host={self.directory}", f"--username={DATABASE_USER}", "netbox")
        return service

    def create_from(self, template: Path) -> None:
        """Start from a copy of `template`, the data directory of a stopped server."""
        self.directory.mkdir(exist_ok=True)
        shutil.copytree(template, self.data_directory)
        self._chown_directory()
        self.start()

    def dump(self) -> bytes:
        """Return the SQL that makes the database `netbox` anew."""
        options = (f"--host={self.directory}", f"--username={DATABASE_USER}", "--no-owner")
        command = [self._binaries.program_path("pg_dump"), *options, "--no-privileges", "netbox"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout

    def restore(self, sql: bytes) -> None:
        """Run the SQL of a dump in the empty database `netbox`."""
        file = self.directory / "dump.sql"
        file.write_bytes(sql)
        options = (f"--host={self.directory}", f"--username={DATABASE_USER}", "--dbname=netbox")
        strict = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction")
        self._run("psql", *options, *strict, f"--file={file}")
        file.unlink()

    def start(self) -> Service:
        settings = (f"unix_socket_directories={self.directory}", "listen_addresses=")
        options = [f"-c{option}" for option in (*settings, *NON_DURABLE_SETTINGS)]
        service = self._supervisor.start(
            "PostgreSQL",
            [self._binaries.program_path("postgres"), "-D", str(self.data_directory), *options],
            user=self._user,
            stop_signal=signal.SIGINT,  # "fast" shutdown: it does not wait for clients
        )
        service.wait_until(self._accepts_connections, timeout_seconds=60)
        return service

    def _accepts_connections(self) -> bool:
        command = [self._binaries.program_path("pg_isready"), "--quiet", f"--host={self.directory}"]
        return subprocess.run(command, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        command = [self._binaries.program_path(program), *arguments]
        self._supervisor.run(program, command, user=self._user)

    def _chown_directory(self) -> None:
        if not self._user:
            return
        account = pwd.getpwnam(self._user)
        for path in (self.directory, *self.directory.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid)
