"""A directory of a commit, and contents of files, from the output of git."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final


class EntryType(Enum):
    """The type of a tree entry: a file, a symbolic link or a submodule."""

    FILE = "file"
    LINK = "symbolic link"
    SUBMODULE = "submodule"


ENTRY_TYPES_BY_MODE: Final = {"120000": EntryType.LINK, "160000": EntryType.SUBMODULE}
"""Every other mode is a file's."""


@dataclass(frozen=True)
class GitFile:
    """One path below the directory. `blob_id` identifies its `size` bytes."""

    path: str
    blob_id: str
    size: int
    entry_type: EntryType


@dataclass(frozen=True)
class GitSnapshot:
    """A directory at one commit."""

    commit: str
    files: tuple[GitFile, ...]


def parse_listing(listing: bytes) -> Iterator[GitFile]:
    """Yield the entries that `git ls-tree -r -z -l` lists."""
    for line in listing.split(b"\0")[:-1]:
        metadata, _, raw_path = line.partition(b"\t")
        mode, _, blob_id, size = metadata.decode().split()
        entry_type = ENTRY_TYPES_BY_MODE.get(mode, EntryType.FILE)
        path = raw_path.decode(errors="backslashreplace")
        printable = path if path.isprintable() else path.encode("unicode_escape").decode()
        yield GitFile(printable, blob_id, 0 if size == "-" else int(size), entry_type)


def parse_batch(output: bytes) -> dict[str, bytes]:
    """Parse `git cat-file --batch`. Raises `ValueError` if an object is missing."""
    contents: dict[str, bytes] = {}
    start = 0
    while start < len(output):
        end = output.index(b"\n", start)
        blob_id, _, size = output[start:end].decode().split()
        start = end + 1 + int(size)
        contents[blob_id] = output[end + 1 : start]
        start += 1
    return contents
