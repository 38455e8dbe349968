"""The size of a local NetBox's database, as PostgreSQL tells it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

from stack.services.postgres import DATABASE_USER, find_binaries
from stack.stack import Stack

NETBOX_SERVICES: Final = ("NetBox", "NetBox worker", "PostgreSQL")
"""The services of the stack that use the database."""

CHANGELOG_TABLE: Final = "core_objectchange"
JOURNAL_TABLE: Final = "extras_journalentry"


class TableSize(NamedTuple):
    """The rows of a table, and its bytes with indexes and values stored apart."""

    rows: int
    bytes: int

    def bytes_per_row_since(self, earlier: Self) -> int:
        """Return the growth per row since an earlier size with fewer rows."""
        return round((self.bytes - earlier.bytes) / (self.rows - earlier.rows))


@dataclass(frozen=True)
class NetBoxDatabase:
    """The database behind the socket in `socket_directory`."""

    socket_directory: Path

    @classmethod
    def of_stack(cls, stack: Stack) -> Self:
        """Return the database of a running stack."""
        return cls(stack.log_dir.parent / "netbox" / "postgres")

    def read_bytes(self) -> int:
        """Return the bytes of the whole database, without its write-ahead log."""
        return int(self._query("SELECT pg_database_size(current_database())"))

    def read_table(self, table: str) -> TableSize:
        """Return the size of one table."""
        counts = f"SELECT count(*), pg_total_relation_size('{table}') FROM {table}"  # noqa: S608
        return TableSize(*map(int, self._query(counts).split("|")))

    def read_last_write(self) -> float:
        """Return when anything was last written, in seconds since the epoch; 0 if never."""
        return float(
            self._query(f"SELECT coalesce(extract(epoch FROM max(time)), 0) FROM {CHANGELOG_TABLE}")  # noqa: S608
        )

    def _query(self, sql: str) -> str:
        psql = find_binaries().program_path("psql")
        options = (f"--host={self.socket_directory}", f"--username={DATABASE_USER}", "--no-psqlrc")
        command = [psql, *options, "--tuples-only", "--no-align", f"--command={sql}", "netbox"]
        return subprocess.check_output(command, text=True)  # noqa: S603
