"""The desired state of a fabric: what the manifests in its Git directory ask for together.

What a file says depends on its path and content alone, so it is kept by both: one edited file costs
one parse, and nothing changed costs none.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from cachetools import LRUCache

from activities.errors import PermanentError
from activities.git.mirror import Entry, GitFile, GitMirror
from fabrics.record.config import GitSource
from fabrics.resources.manifests import (
    DEFAULT_LIMITS,
    Desired,
    ParsedFile,
    collect,
    manifest_paths,
    parse_manifests,
    unread_file,
)
from settings import Settings

MAX_FILES: Final = 20_000
MAX_BYTES: Final = 64 * 1024 * 1024
"""Of one fabric's manifests: a hundred times the largest fabric known."""

KEPT_OBJECTS: Final = 100_000
"""Objects of all fabrics whose parsed manifests stay in memory, some 3 KB each."""

LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
NOT_FOLLOWED: Final = "which is not followed; commit the manifests themselves."


@dataclass(frozen=True)
class DesiredAt:
    """The desired state at a commit."""

    commit: str
    state: Desired


class DesiredStates:
    """Reads the desired states of many fabrics. Threads may share it."""

    def __init__(self) -> None:
        self._kept: LRUCache[GitFile, ParsedFile] = LRUCache(KEPT_OBJECTS, _weight)
        self._lock = Lock()

    def read(self, source: GitSource, settings: Settings) -> DesiredAt:
        """What the branch asks for now. Raises `TransientError` and `PermanentError`."""
        mirror = GitMirror(source, settings)
        snapshot = mirror.snapshot()
        files = tuple(_manifests(source, snapshot.files))
        parsed = self._known(files)
        new = [file for file in files if file not in parsed]
        parsed |= _parse(mirror, new)
        self._keep({file: parsed[file] for file in new})
        return DesiredAt(snapshot.commit, collect(parsed.values()))

    def _known(self, files: Iterable[GitFile]) -> dict[GitFile, ParsedFile]:
        with self._lock:
            return {file: self._kept[file] for file in files if file in self._kept}

    def _keep(self, parsed: dict[GitFile, ParsedFile]) -> None:
        with self._lock:
            for file, said in parsed.items():
                if _weight(said) <= KEPT_OBJECTS:
                    self._kept[file] = said


def _weight(parsed: ParsedFile) -> int:
    return 1 + len(parsed.resources)


def _manifests(source: GitSource, files: Iterable[GitFile]) -> Iterator[GitFile]:
    """The files that count, with their paths from the repository's root, which people know."""
    by_path = {_manifest_path(file): file for file in files}
    folder = source.directory.strip("/")
    for path in manifest_paths(by_path):
        file = by_path[path]
        yield replace(file, path=f"{folder}/{file.path}" if folder else file.path)


def _manifest_path(file: GitFile) -> str:
    """The path; for what may stand for a directory of manifests, that of one inside."""
    is_file = file.entry is Entry.FILE
    may_be_folder = not is_file and "." not in file.path.rpartition("/")[2]
    return f"{file.path}/linked.yaml" if may_be_folder else file.path


def _parse(mirror: GitMirror, files: list[GitFile]) -> dict[GitFile, ParsedFile]:
    """What files say that are not known yet; each mistake in one is a problem of that file."""
    readable = [file for file in files if not _unreadable(file)]
    if len(files) > MAX_FILES or sum(file.size for file in readable) > MAX_BYTES:
        raise PermanentError(
            f"{mirror.source.repository} holds more than {MAX_FILES} manifests or"
            f" {MAX_BYTES >> 20} MB of them in {mirror.source.directory}: name a directory with the"
            " fabric's alone in hh_git_directory."
        )
    contents = mirror.contents({file.blob_id for file in readable})
    return {file: _parse_one(file, contents.get(file.blob_id, b"")) for file in files}


def _parse_one(file: GitFile, content: bytes) -> ParsedFile:
    if why := _unreadable(file):
        return unread_file(file.path, why)
    if content.startswith(LFS_POINTER):
        return unread_file(file.path, f"kept in Git LFS, {NOT_FOLLOWED}")
    return parse_manifests(file.path, content)


def _unreadable(file: GitFile) -> str:
    """Why a file is not read, as the end of a sentence; empty when it is."""
    if file.entry is not Entry.FILE:
        return f"a {file.entry.value}, {NOT_FOLLOWED}"
    if file.size > DEFAULT_LIMITS.size:
        return f"larger than {DEFAULT_LIMITS.size >> 20} MB ({file.size >> 20} MB); split it."
    return ""
