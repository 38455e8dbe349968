"""The desired state of a fabric, from the manifests in its Git directory.

States are cached by commit and parsed files by path and content: an unchanged branch costs one question to the
server, and one edited file one parse.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final

from cachetools import LRUCache

from activities.errors import PermanentError
from activities.git.mirror import GitMirror
from activities.git.mirror_updates import MirrorUpdates
from activities.git.objects import EntryType, GitFile, GitSnapshot
from activities.parsing import PARSING
from fabrics.record.config import GitSource
from fabrics.resources.manifests.documents import DEFAULT_LIMITS
from fabrics.resources.manifests.files import (
    DesiredState,
    ParsedFile,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
    unreadable_file,
)
from settings import Settings

MAX_FILES: Final = 20_000
MAX_BYTES: Final = 64 * 1024 * 1024
"""Limits for the manifests of one fabric, a hundred times the largest known fabric."""

MAX_CACHED_OBJECTS: Final = 100_000
"""Objects of all fabrics whose parsed manifests stay in memory, some 3 KB each."""

LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
NOT_FOLLOWED_HINT: Final = "which is not followed; commit the manifests themselves."


@dataclass(frozen=True)
class DesiredRevision:
    """The desired state at a commit."""

    commit: str
    state: DesiredState


class DesiredStateCache:
    """Reads and caches the desired states of many fabrics. Threads may share it."""

    def __init__(self) -> None:
        self._updates = MirrorUpdates()
        self._cache: LRUCache[GitFile, ParsedFile] = LRUCache(MAX_CACHED_OBJECTS, _weight)
        self._revisions: LRUCache[GitSource, DesiredRevision] = LRUCache(
            MAX_CACHED_OBJECTS, lambda revision: _weight(revision.state)
        )
        self._lock = Lock()

    def read(self, source: GitSource, settings: Settings) -> DesiredRevision:
        """Read the branch's current state. Raises `TransientError` and `PermanentError`."""
        mirror = GitMirror(source, settings)
        commit = self._updates.fetch_commit(mirror)
        with self._lock:
            last = self._revisions.get(source)
        if last and last.commit == commit:
            return last
        revision = self._read_revision(mirror, mirror.read_snapshot(commit))
        with self._lock:
            if _weight(revision.state) <= MAX_CACHED_OBJECTS:
                self._revisions[source] = revision
        return revision

    def _read_revision(self, mirror: GitMirror, snapshot: GitSnapshot) -> DesiredRevision:
        files = tuple(_select_manifests(mirror.source, snapshot.files))
        parsed = self._get_cached(files)
        new = [file for file in files if file not in parsed]
        parsed |= _parse_files(mirror, snapshot.commit, new)
        self._add_to_cache({file: parsed[file] for file in new})
        return DesiredRevision(snapshot.commit, build_desired_state(parsed.values()))

    def _get_cached(self, files: Iterable[GitFile]) -> dict[GitFile, ParsedFile]:
        with self._lock:
            return {file: self._cache[file] for file in files if file in self._cache}

    def _add_to_cache(self, parsed: dict[GitFile, ParsedFile]) -> None:
        with self._lock:
            for file, content in parsed.items():
                if _weight(content) <= MAX_CACHED_OBJECTS:
                    self._cache[file] = content


def _weight(parsed: ParsedFile | DesiredState) -> int:
    return 1 + len(parsed.resources)


def _select_manifests(source: GitSource, files: Iterable[GitFile]) -> Iterator[GitFile]:
    """Select the files to read, with paths from the repository's root."""
    by_path = {_get_manifest_path(file): file for file in files}
    folder = source.directory.strip("/")
    for path in select_manifest_paths(by_path):
        file = by_path[path]
        yield replace(file, path=f"{folder}/{file.path}" if folder else file.path)


def _get_manifest_path(file: GitFile) -> str:
    """Return the path; for what may link to a directory, that of a manifest in it."""
    is_file = file.entry_type is EntryType.FILE
    may_be_folder = not is_file and "." not in file.path.rpartition("/")[2]
    return f"{file.path}/linked.yaml" if may_be_folder else file.path


def _parse_files(mirror: GitMirror, commit: str, files: list[GitFile]) -> dict[GitFile, ParsedFile]:
    """Parse `files`; an error in one of them becomes a problem of that file."""
    readable = [file for file in files if not _get_skip_reason(file)]
    if len(files) > MAX_FILES or sum(file.size for file in readable) > MAX_BYTES:
        raise PermanentError(
            f"{mirror.source.repository} holds more than {MAX_FILES} manifests or {MAX_BYTES >> 20} MB of them in"
            f" {mirror.source.directory}: name a directory in hh_git_directory that holds only this fabric's"
            " manifests."
        )
    contents = mirror.read_contents(commit, {file.blob_id for file in readable})
    return {file: _parse_file(file, contents.get(file.blob_id, b"")) for file in files}


def _parse_file(file: GitFile, content: bytes) -> ParsedFile:
    if reason := _get_skip_reason(file):
        return unreadable_file(file.path, reason)
    if content.startswith(LFS_POINTER):
        return unreadable_file(file.path, f"kept in Git LFS, {NOT_FOLLOWED_HINT}")
    with PARSING:
        return parse_manifests(file.path, content)


def _get_skip_reason(file: GitFile) -> str:
    """Return why a file is not read, as the end of a sentence; empty if it is read."""
    if file.entry_type is not EntryType.FILE:
        return f"a {file.entry_type.value}, {NOT_FOLLOWED_HINT}"
    if file.size > DEFAULT_LIMITS.size_bytes:
        return f"larger than {DEFAULT_LIMITS.size_bytes >> 20} MB ({file.size >> 20} MB); split it."
    return ""
