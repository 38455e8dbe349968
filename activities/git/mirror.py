"""Reading one directory of one branch of a Git repository, without a checkout.

A bare mirror on the worker's disk holds the newest commit of each branch that a fabric follows. A
reading is one shallow fetch into a ref of our own, then a listing and the contents that are asked
for. Files are never written out, so no link is followed, no filter or hook runs, and nothing outside
the repository can be named. A mirror is only a cache: a damaged one is made anew.
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
from activities.git.failures import (
    MISSING_BRANCH_PATTERN,
    classify_fetch_error,
    strip_remote_output,
)
from fabrics.record.config import GitSource
from settings import Settings

MAX_LISTING_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a directory's listing: some 300,000 files."""

LOCAL_TIMEOUT_SECONDS: Final = 20.0
"""Seconds for a command that only works on our own disk: a large fabric needs one."""

FETCH_ARGUMENTS: Final = (
    *("fetch", "--quiet", "--depth=1", "--no-tags"),
    *("--no-recurse-submodules", "--no-write-fetch-head", "source"),
)

log = logging.getLogger("fabric_sync.git")


class EntryType(Enum):
    """What a path is: a file, or something that stands for what is kept elsewhere."""

    FILE = "file"
    LINK = "symbolic link"
    SUBMODULE = "submodule"


ENTRY_TYPES_BY_MODE: Final = {"120000": EntryType.LINK, "160000": EntryType.SUBMODULE}
"""By mode; every other mode is a file's."""


@dataclass(frozen=True)
class GitFile:
    """One path below the directory that was read. Equal `blob_id`, equal content of `size` bytes."""

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
    """Our copy of the repository that a fabric's record names, as its credential sees it.

    Both readings raise `TransientError` and `PermanentError`. Processes and threads may use one
    repository at the same time: they wait for each other.
    """

    source: GitSource
    settings: Settings

    def fetch_snapshot(self) -> GitSnapshot:
        """Fetch the branch and list the directory."""
        self._check_host_reachable()  # others with the same mirror need not wait for it
        with self._locked():
            try:
                return self._fetch_and_list()
            except GitError as error:
                log.info(
                    "Making the mirror of %s anew: %s",
                    self._display_name,
                    strip_remote_output(error),
                )
                shutil.rmtree(self._path)
            try:
                return self._fetch_and_list()
            except GitError as error:
                log.warning("git fails on %s: %s", self._display_name, strip_remote_output(error))
                raise TransientError(
                    f"{self._display_name} cannot be read: see the worker's log."
                ) from None

    def read_contents(self, blob_ids: Collection[str]) -> dict[str, bytes]:
        """What files of the last snapshot hold, by blob id."""
        if not blob_ids:
            return {}
        with self._locked():
            try:
                return _parse_batch(self._git.run("cat-file", "--batch", input_lines=blob_ids))
            except (GitError, ValueError):
                shutil.rmtree(self._path, ignore_errors=True)
                raise TransientError(
                    f"{self._display_name} was not read: its mirror is damaged, and made anew next time."
                ) from None

    def _check_host_reachable(self) -> None:
        if not (self.access.ssh_key or self._protocol == "file"):
            validation.check_host_reachable(self.source.repository, self.settings.connect_timeout)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock"), timeout=self.settings.git_timeout):
                yield
        except Timeout as error:
            raise NoResponseError(
                f"{self._display_name} is still being read by another sync."
            ) from error
        except OSError as error:
            where = f"{self.settings.cache_dir} ({error.strerror})"
            raise PermanentError(f"The worker cannot keep Git mirrors in {where}.") from error

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
            if error.timed_out:
                self._drop_partial_download()
            known = classify_fetch_error(error, self.source, self.access)
            raise known or error from None

    def _drop_partial_download(self) -> None:
        """What a killed fetch had received: git itself would keep it for weeks."""
        for partial in self._path.glob("objects/pack/tmp_*"):
            partial.unlink(missing_ok=True)

    def _missing_branch_error(self) -> PermanentError:
        heads = self._remote_git.run("ls-remote", "--heads", "source").decode(errors="replace")
        names = [line.partition("\trefs/heads/")[2] for line in heads.splitlines()]
        if not names:
            return PermanentError(
                f"{self._display_name} has no branches: it is empty, or no Git repository at all. Push a"
                f" branch {self.source.branch}, or correct hh_git_repository."
            )
        some = ", ".join(get_close_matches(self.source.branch, names, cutoff=0.0))
        return PermanentError(
            f"{self._display_name} has no branch {self.source.branch} (but {some}): check hh_git_branch."
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
            f"{self._display_name} holds too many files in {self.source.directory}: name a directory"
            " with the fabric's alone in hh_git_directory."
        )

    def _missing_directory_error(self, error: GitError) -> PermanentError:
        exists = "not a tree" in error.output
        what = "is no directory" if exists else f"does not exist in branch {self.source.branch}"
        return PermanentError(
            f"The directory {self.source.directory} {what} of {self.source.repository}: check"
            " hh_git_directory."
        )

    @property
    def _display_name(self) -> str:
        return f"The Git repository {self.source.repository}"

    @property
    def _path(self) -> Path:
        name = f"{self.source.credential}\n{self.source.repository}"
        return self.settings.cache_dir / "git" / sha256(name.encode()).hexdigest()[:32]

    @property
    def _ref(self) -> str:
        """Not the branch's own name: there `a` and, later, `a/b` could not both be."""
        return f"refs/fabric-sync/{sha256(self.source.branch.encode()).hexdigest()[:32]}"

    @cached_property
    def _directory(self) -> str:
        return validation.validate_directory(self.source.directory)

    @cached_property
    def access(self) -> GitAccess:
        """How the repository is read. Raises `PermanentError` where the credential is of no use."""
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
    """The entries that `git ls-tree -r -z -l` lists."""
    for line in listing.split(b"\0")[:-1]:
        facts, _, path = line.partition(b"\t")
        mode, _, blob_id, size = facts.decode().split()
        entry = ENTRY_TYPES_BY_MODE.get(mode, EntryType.FILE)
        name = path.decode(errors="backslashreplace")
        shown = name if name.isprintable() else name.encode("unicode_escape").decode()
        yield GitFile(shown, blob_id, 0 if size == "-" else int(size), entry)


def _parse_batch(output: bytes) -> dict[str, bytes]:
    """The contents that `git cat-file --batch` gives. Raises `ValueError` for what is missing."""
    found: dict[str, bytes] = {}
    start = 0
    while start < len(output):
        end = output.index(b"\n", start)
        blob_id, _, size = output[start:end].decode().split()
        start = end + 1 + int(size)
        found[blob_id] = output[end + 1 : start]
        start += 1
    return found
