"""The desired state of a fabric, from the manifests in its Git directory.

States are cached by commit and parsed files by path and content: an unchanged branch costs one question to the
server, and one edited file one parse.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Final

from cachetools import LRUCache

from activities.errors import OversizedError
from activities.git.mirror import GitMirror
from activities.git.mirror_updates import MirrorUpdates
from activities.git.objects import EntryType, GitFile, GitSnapshot
from activities.parsing import PARSING
from fabrics.drift.acceptance import rules as accept_rules
from fabrics.drift.acceptance.rules import RULES_FILE, AcceptRules
from fabrics.drift.model import Author
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

MAX_VALUES: Final = 1_000_000
"""The values in these manifests, of some 40,000 objects. A value takes up to 200 bytes of memory."""

MAX_CACHED_OBJECTS: Final = 100_000
"""Objects of all fabrics whose parsed manifests stay in memory, some 3 KB each."""

OBJECT_BYTES: Final = 700
OBJECT_VALUES: Final = 25
"""Bytes and values of a usual manifest. What is larger counts as several objects, since it takes more memory."""

MAX_REFUSALS: Final = 10_000
"""Commits that hold too much and are remembered."""

LFS_POINTER: Final = b"version https://git-lfs.github.com/spec/"
NOT_FOLLOWED_HINT: Final = "which is not followed; commit the manifests themselves."


@dataclass(frozen=True)
class DesiredRevision:
    """The desired state at a commit, and the rules on differences that are accepted.

    By path, `blob_ids` are those of its files, and `authors` made the commits that touched these last, as far as it is
    known.
    """

    commit: str
    state: DesiredState
    rules: AcceptRules = field(default_factory=AcceptRules)
    blob_ids: Mapping[str, str] = field(default_factory=dict)
    authors: Mapping[str, Author] = field(default_factory=dict)


@dataclass(frozen=True)
class _Cached[T]:
    content: T
    weight: int


type _Cache[K, V] = LRUCache[K, _Cached[V]]


class DesiredStateCache:
    """Reads and caches the desired states of many fabrics. Threads may share it."""

    def __init__(self) -> None:
        self._updates = MirrorUpdates()
        self._files: _Cache[GitFile, ParsedFile] = LRUCache(MAX_CACHED_OBJECTS, _get_weight)
        self._revisions: _Cache[GitSource, DesiredRevision] = LRUCache(
            MAX_CACHED_OBJECTS, _get_weight
        )
        self._refusals: LRUCache[tuple[GitSource, str], str] = LRUCache(MAX_REFUSALS)
        self._lock = Lock()

    def read(self, source: GitSource, settings: Settings) -> DesiredRevision:
        """Read the branch's current state. Raises `TransientError` and `PermanentError`."""
        mirror = GitMirror(source, settings)
        commit = self._updates.fetch_commit(mirror)
        with self._lock:
            last, refusal = self._revisions.get(source), self._refusals.get((source, commit))
        if last and last.content.commit == commit:
            return last.content
        if refusal:
            raise OversizedError(refusal)
        try:
            before = last.content if last else None
            revision = self._read_revision(mirror, mirror.read_snapshot(commit), before)
        except OversizedError as error:  # to parse it again would cost as much, to no avail
            with self._lock:
                self._refusals[source, commit] = str(error)
            raise
        with self._lock:
            _add(self._revisions, source, revision)
        return revision.content

    def read_at(self, source: GitSource, commit: str, settings: Settings) -> DesiredRevision:
        """Read the state at a commit of any branch. Raises as `read` does."""
        mirror = GitMirror(source, settings, commit)
        return self._read_revision(mirror, mirror.fetch_snapshot()).content

    def _read_revision(
        self, mirror: GitMirror, snapshot: GitSnapshot, before: DesiredRevision | None = None
    ) -> _Cached[DesiredRevision]:
        files = tuple(_select_manifests(mirror.source, snapshot.files))
        if len(files) > MAX_FILES or sum(map(_count_bytes, files)) > MAX_BYTES:
            raise _make_limit_error(mirror)
        parsed = self._get_cached(files)
        new = [file for file in files if file not in parsed]
        values = sum(file.values for file in parsed.values())
        parsed |= _parse_files(mirror, snapshot.commit, new, MAX_VALUES - values)
        weights = {file: _weigh(file, content) for file, content in parsed.items()}
        commit, blob_ids = snapshot.commit, {file.path: file.blob_id for file in files}
        authors = _find_authors(mirror, commit, blob_ids, before) if before else {}
        state, rules = build_desired_state(parsed.values()), _read_rules(mirror, snapshot)
        revision = DesiredRevision(commit, state, rules, blob_ids, authors)
        with self._lock:
            for file in new:
                _add(self._files, file, _Cached(parsed[file], weights[file]))
        return _Cached(revision, sum(weights.values()))

    def _get_cached(self, files: Iterable[GitFile]) -> dict[GitFile, ParsedFile]:
        with self._lock:
            return {file: self._files[file].content for file in files if file in self._files}


def _find_authors(
    mirror: GitMirror, commit: str, blob_ids: Mapping[str, str], before: DesiredRevision
) -> dict[str, Author]:
    """Return who touched files last, by path.

    A mirror has only the newest commit. What that touched is known if nothing else lies between it and the one
    that was read before; of a merge, its commits are not known.
    """
    read = mirror.read_commit(commit)
    if read is None or read.parents != (before.commit,):
        return {}
    return {
        path: read.author if blob_id != before.blob_ids.get(path) else before.authors[path]
        for path, blob_id in blob_ids.items()
        if blob_id != before.blob_ids.get(path) or path in before.authors
    }


def _get_weight(cached: _Cached[object]) -> int:
    return cached.weight


def _weigh(file: GitFile, parsed: ParsedFile) -> int:
    """Return how many objects of the usual size take as much memory as `parsed`."""
    size = _count_bytes(file)
    return 1 + max(len(parsed.resources), size // OBJECT_BYTES, parsed.values // OBJECT_VALUES)


def _add[K, V](cache: _Cache[K, V], key: K, value: _Cached[V]) -> None:
    if value.weight <= MAX_CACHED_OBJECTS:
        cache[key] = value


def _select_manifests(source: GitSource, files: Iterable[GitFile]) -> Iterator[GitFile]:
    """Select the files to read, with paths from the repository's root."""
    by_path = {_get_manifest_path(file): file for file in files}
    for path in select_manifest_paths(by_path):
        yield replace(by_path[path], path=_join_directory(source, by_path[path].path))


def _read_rules(mirror: GitMirror, snapshot: GitSnapshot) -> AcceptRules:
    """Read the file of rules in the directory itself, if there is one."""
    file = next((file for file in snapshot.files if file.path == RULES_FILE), None)
    if file is None:
        return AcceptRules()
    path = _join_directory(mirror.source, file.path)
    if file.entry_type is not EntryType.FILE:
        return accept_rules.reject_rules(
            path, f"a {file.entry_type.value}, which is not followed; commit the rules themselves."
        )
    if file.size > accept_rules.MAX_BYTES:
        return accept_rules.reject_rules(path, accept_rules.TOO_LARGE)
    content = mirror.read_contents(snapshot.commit, {file.blob_id})[file.blob_id]
    with PARSING:
        return accept_rules.parse_rules(path, content)


def _join_directory(source: GitSource, path: str) -> str:
    """Return a path in the fabric's directory from the repository's root."""
    return f"{source.directory.strip('/')}/{path}".lstrip("/")


def _get_manifest_path(file: GitFile) -> str:
    """Return the path; for what may link to a directory, that of a manifest in it."""
    is_file = file.entry_type is EntryType.FILE
    may_be_folder = not is_file and "." not in file.path.rpartition("/")[2]
    return f"{file.path}/linked.yaml" if may_be_folder else file.path


def _parse_files(
    mirror: GitMirror, commit: str, files: list[GitFile], max_values: int
) -> dict[GitFile, ParsedFile]:
    """Parse `files`; an error in one of them becomes a problem of that file."""
    readable = {file.blob_id for file in files if not _get_skip_reason(file)}
    contents = mirror.read_contents(commit, readable)
    parsed: dict[GitFile, ParsedFile] = {}
    for file in files:
        parsed[file] = _parse_file(file, contents.get(file.blob_id, b""))
        max_values -= parsed[file].values
        if max_values < 0:
            raise _make_limit_error(mirror)
    return parsed


def _make_limit_error(mirror: GitMirror) -> OversizedError:
    return OversizedError(
        f"{mirror.source.repository} holds more than {MAX_FILES} manifests, {MAX_BYTES >> 20} MB or {MAX_VALUES:,}"
        f" values of them in {mirror.source.directory}: name a directory in hh_git_directory that holds only this"
        " fabric's manifests."
    )


def _parse_file(file: GitFile, content: bytes) -> ParsedFile:
    if reason := _get_skip_reason(file):
        return unreadable_file(file.path, reason)
    if content.startswith(LFS_POINTER):
        return unreadable_file(file.path, f"kept in Git LFS, {NOT_FOLLOWED_HINT}")
    with PARSING:
        return parse_manifests(file.path, content)


def _count_bytes(file: GitFile) -> int:
    """Return how many bytes of a file are read."""
    return 0 if _get_skip_reason(file) else file.size


def _get_skip_reason(file: GitFile) -> str:
    """Return why a file is not read, as the end of a sentence; empty if it is read."""
    if file.entry_type is not EntryType.FILE:
        return f"a {file.entry_type.value}, {NOT_FOLLOWED_HINT}"
    if file.size > DEFAULT_LIMITS.size_bytes:
        return f"larger than {DEFAULT_LIMITS.size_bytes >> 20} MB ({file.size >> 20} MB); split it."
    return ""
