"""A search for secrets in what a run leaves behind."""

import base64
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from uuid import uuid4


class Secrets(dict[str, str]):
    """Secrets by their names, each unique."""

    def mark(self, name: str) -> str:
        """Return a new secret of one word."""
        self[name] = f"s3cret{uuid4().hex}"
        return self[name]


def list_forms(secret: str) -> set[bytes]:
    """List what shows a secret, also as part of a longer text in base64."""
    plain = secret.encode()
    forms = {plain, plain.hex().encode(), plain[::-1]}
    for offset, undetermined in enumerate((0, 2, 3)):
        encoded = base64.b64encode(bytes(offset) + plain)
        whole = encoded[undetermined : (offset + len(plain)) * 8 // 6]
        forms |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return forms


def find_leaks(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> set[str]:
    """Return the name of each secret with the place where it is."""
    return {
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, content in places.items()
        if any(form in content for form in list_forms(secret))
    }


def read_files(folders: Iterable[Path], pattern: str = "*") -> bytes:
    """Return the paths and the contents of all files below some folders."""
    paths = [path for folder in folders for path in folder.rglob(pattern) if path.is_file()]
    return b"\n".join(b"%b\n%b" % (str(path).encode(), path.read_bytes()) for path in paths)


def read_database(path: Path) -> bytes:
    """Return an SQLite database: its files, and its cells, which those may split."""
    return read_files([path.parent], f"{path.name}*") + b"\n".join(_iter_cells(path))


def _iter_cells(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):  # noqa: S608  of its own catalogue
                yield from (cell if isinstance(cell, bytes) else str(cell).encode() for cell in row)
