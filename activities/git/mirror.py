"""Read one directory of one branch of a Git repository, without a checkout.

A bare mirror on the worker's disk holds the newest commit of each branch that a fabric follows. To read is to
fetch into a ref of our own (shallow), list the directory, and get the contents of some files. Files are never
written to disk, so no link is followed, no filter or hook runs, and no path leads out of the repository. A
mirror is only a cache: a damaged one is created again.
"""

import logging
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from activities.credentials import GitAccess, resolve_git_access
from activities.errors import NoResponseError, PermanentError, TransientError
from activities.git import validation
from activities.git.command import GitCommand, GitError, build_git_environment
from activities.git.failures import MISSING_BRANCH_PATTERN, classify_fetch_error
from fabrics.record.config import GitSource
from settings import Settings

MAX_LISTING_BYTES: Final = 32 * 1024 * 1024
"""Enough for some 300,000 files."""

LOCAL_TIMEOUT_SECONDS: Final = 20.0
"""For a command that only uses the local disk: a large fabric needs one second."""

FETCH_ARGUMENTS: Final = (
    *("fetch", "--quiet", "--depth=1", "--no-tags"),
    *("--no-recurse-submodules", "--no-write-fetch-head", "source"),
)

log = logging.getLogger("fabric_sync.git")


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
class GitMirror:
    """The worker's copy of a fabric's repository, as the fabric's credential sees it.

    Both methods raise `TransientError` and `PermanentError`. Processes and threads may share a repository; they
    wait for each other.
    """

    source: GitSource
    settings: Settings

    def fetch_snapshot(self) -> GitSnapshot:
        """Fetch the branch and list the directory."""
        if not (self.access.ssh_key or self._protocol == "file"):
            # Before taking the lock, so that nobody else waits for an unreachable host.
            validation.check_host_reachable(self.source.repository, self.settings.connect_timeout)
        with self._locked():
            try:
                return self._fetch_and_list()
            except GitError as error:
                log.info("Recreating the mirror of %s: %s", self._name, error.local_output)
                shutil.rmtree(self._path)
            try:
                return self._fetch_and_list()
            except GitError as error:
                log.warning("git fails on %s: %s", self._name, error.local_output)
                sentence = f"{self._name} cannot be read: see the worker's log."
                raise TransientError(sentence) from None

    def read_contents(self, blob_ids: Collection[str]) -> dict[str, bytes]:
        """Return contents of files of the last snapshot, by blob id."""
        if not blob_ids:
            return {}
        with self._locked():
            try:
                return _parse_batch(self._git.run("cat-file", "--batch", input_lines=blob_ids))
            except (GitError, ValueError):
                shutil.rmtree(self._path, ignore_errors=True)
                raise TransientError(
                    f"{self._name} was not read: its mirror is damaged; the next attempt recreates it."
                ) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock"), timeout=self.settings.git_timeout):
                yield
        except Timeout as error:
            raise NoResponseError(f"{self._name} is still being read by another sync.") from error
        except OSError as error:
            where = f"{self.settings.cache_dir} ({error.strerror})"
            raise PermanentError(f"The worker cannot store Git mirrors in {where}.") from error

    def _fetch_and_list(self) -> GitSnapshot:
        if not (self._path / "HEAD").exists():
            self._path.mkdir(exist_ok=True)
            self._git.run("init", "--quiet", "--bare", "--template=")
        self._fetch()
        commit = self._git.run("rev-parse", "--verify", f"{self._ref}^{{commit}}").decode().strip()
        return GitSnapshot(commit, tuple(_parse_listing(self._list_directory(commit))))

    def _fetch(self) -> None:
        try:
            self._remote_git.run(*FETCH_ARGUMENTS)
        except GitError as error:
            if MISSING_BRANCH_PATTERN.search(error.output):
                raise self._missing_branch_error() from None
            if error.timed_out:  # git would keep what the killed fetch has received for weeks
                for partial in self._path.glob("objects/pack/tmp_*"):
                    partial.unlink(missing_ok=True)
            raise classify_fetch_error(error, self.source, self.access) or error from None

    def _missing_branch_error(self) -> PermanentError:
        heads = self._remote_git.run("ls-remote", "--heads", "source").decode(errors="replace")
        names = [line.partition("\trefs/heads/")[2] for line in heads.splitlines()]
        if not names:
            return PermanentError(
                f"{self._name} has no branches: it is empty, or not a Git repository. Push a branch"
                f" {self.source.branch}, or correct hh_git_repository."
            )
        similar = ", ".join(get_close_matches(self.source.branch, names, cutoff=0.0))
        return PermanentError(
            f"{self._name} has no branch {self.source.branch} (but {similar}): check hh_git_branch."
        )

    def _list_directory(self, commit: str) -> bytes:
        tree = f"{commit}:{self._directory}" if self._directory else commit
        try:
            listing = self._git.run_truncated(MAX_LISTING_BYTES, "ls-tree", "-r", "-z", "-l", tree)
        except GitError as error:
            if error.timed_out:
                raise self._too_large_error() from None
            self._git.run("rev-parse", "--verify", f"{commit}^{{tree}}")
            raise self._missing_directory_error(error) from None
        if len(listing) >= MAX_LISTING_BYTES:
            raise self._too_large_error()
        return listing

    def _too_large_error(self) -> PermanentError:
        return PermanentError(
            f"{self._name} holds too many files in {self.source.directory}: name a directory in"
            " hh_git_directory that holds only this fabric's manifests."
        )

    def _missing_directory_error(self, error: GitError) -> PermanentError:
        exists = "not a tree" in error.output
        what = "is not a directory" if exists else "does not exist"
        return PermanentError(
            f"The path {self.source.directory} {what} in branch {self.source.branch} of"
            f" {self.source.repository}: check hh_git_directory."
        )

    @property
    def _name(self) -> str:
        return f"The Git repository {self.source.repository}"

    @property
    def _path(self) -> Path:
        name = f"{self.source.credential}\n{self.source.repository}"
        return self.settings.cache_dir / "git" / sha256(name.encode()).hexdigest()[:32]

    @property
    def _ref(self) -> str:
        """A ref by hash, since refs `a` and, later, `a/b` could not both exist."""
        return f"refs/fabric-sync/{sha256(self.source.branch.encode()).hexdigest()[:32]}"

    @cached_property
    def _directory(self) -> str:
        return validation.validate_directory(self.source.directory)

    @cached_property
    def access(self) -> GitAccess:
        """The access to the repository. Raises `PermanentError`."""
        if self._protocol == "file":
            return GitAccess(self.source.credential)
        directory = self.settings.credentials_dir
        return resolve_git_access(directory, self.source.credential, self.source.repository)

    @cached_property
    def _protocol(self) -> str:
        allow_local = self.settings.git_allow_local
        return validation.select_protocol(self.source.repository, allow_local=allow_local)

    @cached_property
    def _git(self) -> GitCommand:
        branch = validation.validate_branch(self.source.branch)
        configuration = {
            "remote.source.url": self.source.repository,
            "remote.source.fetch": f"+refs/heads/{branch}:{self._ref}",
        }
        environment = build_git_environment(self._path, self.access, configuration, self._protocol)
        return GitCommand(self._path, environment, LOCAL_TIMEOUT_SECONDS)

    @cached_property
    def _remote_git(self) -> GitCommand:
        return replace(self._git, timeout=self.settings.git_timeout)


def _parse_listing(listing: bytes) -> Iterator[GitFile]:
    """Yield the entries that `git ls-tree -r -z -l` lists."""
    for line in listing.split(b"\0")[:-1]:
        metadata, _, raw_path = line.partition(b"\t")
        mode, _, blob_id, size = metadata.decode().split()
        entry_type = ENTRY_TYPES_BY_MODE.get(mode, EntryType.FILE)
        path = raw_path.decode(errors="backslashreplace")
        printable = path if path.isprintable() else path.encode("unicode_escape").decode()
        yield GitFile(printable, blob_id, 0 if size == "-" else int(size), entry_type)


def _parse_batch(output: bytes) -> dict[str, bytes]:
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
