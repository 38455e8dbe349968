"""A commit, its directory, and contents of files, from the output of git."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Final

from fabrics.drift.model import MAX_AUTHOR_CHARS, Author
from fabrics.drift.sentences import shorten

_AUTHOR: Final = re.compile(r"author (.*?) ?<[^>]*> (\d{1,11}) [+-]\d{4}")


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


@dataclass(frozen=True)
class GitCommit:
    """A commit: those before it, and who made it."""

    parents: tuple[str, ...]
    author: Author


def parse_commit(content: bytes) -> GitCommit:
    """Parse `git cat-file commit`. Raises `ValueError` if it has no author."""
    header = content.decode(errors="replace").partition("\n\n")[0].splitlines()
    parents = tuple(line.removeprefix("parent ") for line in header if line.startswith("parent "))
    for match in map(_AUTHOR.fullmatch, header):
        if match and match[1]:
            time = datetime.fromtimestamp(int(match[2]), UTC)
            return GitCommit(parents, Author(shorten(match[1], MAX_AUTHOR_CHARS), time))
    raise ValueError("The commit names no author.")


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
