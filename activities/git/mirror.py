"""Read one directory of one branch of a Git repository, without a checkout.

A bare mirror on the worker's disk holds the newest commit of each branch that a fabric follows. To read is to
fetch into a ref of our own (shallow), list the directory, and get the contents of some files. Files are never
written to disk, so no link is followed, no filter or hook runs, and no path leads out of the repository. A
mirror is only a cache: a damaged one is created again.
"""

import logging
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from activities.credentials import GitAccess, resolve_git_access
from activities.errors import NoResponseError, PermanentError, TransientError
from activities.git import validation
from activities.git.branch_check import BranchChecks
from activities.git.command import GitCommand, GitError, build_git_environment
from activities.git.failures import MISSING_BRANCH_PATTERN, classify_fetch_error
from activities.git.objects import GitSnapshot, parse_batch, parse_listing
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
LIST_HEADS: Final = ("ls-remote", "--heads", "source")
CHECK_TYPES: Final = ("cat-file", "--batch-check=%(objecttype)")

log = logging.getLogger("fabric_sync.git")


@dataclass(frozen=True)
class GitMirror:
    """The worker's copy of a fabric's repository, as the fabric's credential sees it.

    All methods raise `TransientError` and `PermanentError`. Processes and threads may share a repository: fetches
    wait for each other, and nobody waits to read what has been fetched.
    """

    source: GitSource
    settings: Settings

    def is_at(self, commit: str, checks: BranchChecks, timeout: float) -> bool:
        """Return whether the server's branch is at `commit`, asked within `timeout` s.

        Also False if the server does not tell: a fetch finds out why. Raises errors that a fetch would only repeat.
        """
        repository = self.source.repository
        if self._protocol in {"http", "https"} and not validation.uses_proxy(repository):
            timeouts = (min(self.settings.connect_timeout, timeout), timeout)
            return checks.is_at(commit, self.source, self.access, timeouts)
        try:
            heads = self._git_within(timeout).run(*LIST_HEADS)
        except GitError as error:
            if error.timed_out:
                raise classify_fetch_error(error, self.source, self.access) or error from None
            return False
        return f"{commit}\trefs/heads/{self.source.branch}".encode() in heads.splitlines()

    def fetch(self, timeout: float) -> str:
        """Fetch the branch within `timeout` s and return its commit."""
        self._check_host_reachable()
        with self._locked(timeout):
            return self._repair(lambda: self._fetch(timeout))

    def fetch_snapshot(self) -> GitSnapshot:
        """Fetch the branch and list the directory; repairs a damaged mirror."""
        return self.read_snapshot(self.fetch(self.settings.git_timeout))

    def read_snapshot(self, commit: str) -> GitSnapshot:
        """List the directory at a commit that was fetched.

        If the mirror was lost, one of those who notice it fetches again, for the others too.
        """
        with suppress(GitError):
            return self._list(commit)
        self._check_host_reachable()
        timeout = self.settings.git_timeout
        with self._locked(timeout):
            with suppress(GitError):
                return self._list(commit)
            return self._repair(lambda: self._list(self._fetch(timeout)))

    def read_contents(self, commit: str, blob_ids: Collection[str]) -> dict[str, bytes]:
        """Return contents of files at a commit, by blob id.

        Raises `TransientError`: git removes files of older commits while newer ones are fetched.
        """
        if not blob_ids:
            return {}
        try:
            return parse_batch(self._git.run("cat-file", "--batch", input_lines=blob_ids))
        except (GitError, ValueError) as error:
            timed_out = isinstance(error, GitError) and error.timed_out
            with self._locked(self.settings.git_timeout):
                if timed_out or not self._is_latest(commit):
                    raise TransientError(
                        f"{self.name} was not read: it took too long, or a newer commit came; the next attempt"
                        " reads that."
                    ) from None
                shutil.rmtree(self._path, ignore_errors=True)
            raise TransientError(
                f"{self.name} was not read: its mirror is damaged; the next attempt recreates it."
            ) from None

    def _is_latest(self, commit: str) -> bool:
        """True if no newer commit was fetched, also if that cannot be told."""
        try:
            return self._get_fetched_commit() == commit
        except GitError:
            return True

    def _check_host_reachable(self) -> None:
        """Notice an unreachable host before a lock is held, which others wait for."""
        if not (self.access.ssh_key or self._protocol == "file"):
            validation.check_host_reachable(self.source.repository, self.settings.connect_timeout)

    def _repair[T](self, action: Callable[[], T]) -> T:
        """Run `action`, once more with a new mirror if git fails on the present one."""
        try:
            return action()
        except GitError as error:
            log.info("Recreating the mirror of %s: %s", self.name, error.local_output)
            shutil.rmtree(self._path)
        try:
            return action()
        except GitError as error:
            log.warning("git fails on %s: %s", self.name, error.local_output)
            sentence = f"{self.name} cannot be read: see the worker's log."
            raise TransientError(sentence) from None

    @contextmanager
    def _locked(self, timeout: float) -> Iterator[None]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self._path.with_suffix(".lock"), timeout=timeout):
                yield
        except Timeout as error:
            raise NoResponseError(f"{self.name} is still being read by another sync.") from error
        except OSError as error:
            where = f"{self.settings.cache_dir} ({error.strerror})"
            raise PermanentError(f"The worker cannot store Git mirrors in {where}.") from error

    def _list(self, commit: str) -> GitSnapshot:
        return GitSnapshot(commit, tuple(parse_listing(self._list_directory(commit))))

    def _fetch(self, timeout: float) -> str:
        if not (self._path / "HEAD").exists():
            self._path.mkdir(exist_ok=True)
            self._git.run("init", "--quiet", "--bare", "--template=")
        try:
            self._git_within(timeout).run(*FETCH_ARGUMENTS)
        except GitError as error:
            if MISSING_BRANCH_PATTERN.search(error.output):
                raise self._missing_branch_error(timeout) from None
            if error.timed_out:  # git would keep what the killed fetch has received for weeks
                for partial in self._path.glob("objects/pack/tmp_*"):
                    partial.unlink(missing_ok=True)
            raise classify_fetch_error(error, self.source, self.access) or error from None
        return self._get_fetched_commit()

    def _get_fetched_commit(self) -> str:
        return self._git.run("rev-parse", "--verify", f"{self._ref}^{{commit}}").decode().strip()

    def _missing_branch_error(self, timeout: float) -> PermanentError:
        heads = self._git_within(timeout).run(*LIST_HEADS).decode(errors="replace")
        names = [line.partition("\trefs/heads/")[2] for line in heads.splitlines()]
        if not names:
            return PermanentError(
                f"{self.name} has no branches: it is empty, or not a Git repository. Push a branch"
                f" {self.source.branch}, or correct hh_git_repository."
            )
        similar = ", ".join(get_close_matches(self.source.branch, names, cutoff=0.0))
        return PermanentError(
            f"{self.name} has no branch {self.source.branch} (but {similar}): check hh_git_branch."
        )

    def _list_directory(self, commit: str) -> bytes:
        tree = f"{commit}:{self._directory}"
        try:
            listing = self._git.run_truncated(MAX_LISTING_BYTES, "ls-tree", "-r", "-z", "-l", tree)
        except GitError as error:
            if error.timed_out:
                raise self._too_large_error() from None
            # In this order, since another thread may be fetching the commit.
            found = self._git.run(*CHECK_TYPES, input_lines=(f"{commit}:", tree))
            root_type, directory_type = found.splitlines()
            if root_type != b"tree" or directory_type == b"tree":
                raise
            raise self._missing_directory_error(exists=directory_type == b"blob") from None
        if len(listing) >= MAX_LISTING_BYTES:
            raise self._too_large_error()
        return listing

    def _too_large_error(self) -> PermanentError:
        return PermanentError(
            f"{self.name} holds too many files in {self.source.directory}: name a directory in"
            " hh_git_directory that holds only this fabric's manifests."
        )

    def _missing_directory_error(self, *, exists: bool) -> PermanentError:
        what = "is not a directory" if exists else "does not exist"
        return PermanentError(
            f"The path {self.source.directory} {what} in branch {self.source.branch} of"
            f" {self.source.repository}: check hh_git_directory."
        )

    @property
    def name(self) -> str:
        """The repository as sentences name it."""
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

    def _git_within(self, timeout: float) -> GitCommand:
        return replace(self._git, timeout=timeout)
