"""Read one directory of one branch of a Git repository, without a checkout.

A bare mirror on the worker's disk holds the newest commit of one branch. To read is to fetch into a ref of our own
(shallow), list the directory, and get the contents of some files. Files are never written to disk, so no link is
followed, no filter or hook runs, and no path leads out of the repository. A mirror is only a cache: a damaged one is
created again, and so is one that has grown too large. Each branch has its own, so that one that is large or slow
is nobody else's delay, and one that nobody follows any more takes no disk.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EDQUOT, EMFILE, ENFILE, ENOSPC
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final

from activities.connections import Deadline
from activities.credentials import GitAccess, resolve_git_access
from activities.errors import ClassifiedError, NoResponseError, PermanentError, TransientError
from activities.git import mirror_cache, validation
from activities.git.branch_check import MAX_ANSWER_BYTES, BranchChecks
from activities.git.command import MAX_FILE_BYTES, GitCommand, GitError, build_git_environment
from activities.git.failures import (
    MISSING_BRANCH_PATTERN,
    MISSING_COMMIT_PATTERN,
    build_missing_branch_error,
    build_missing_commit_error,
    build_missing_directory_error,
    build_too_many_files_error,
    classify_fetch_error,
)
from activities.git.objects import GitCommit, GitSnapshot, parse_batch, parse_commit, parse_listing
from fabrics.record.config import GitSource
from settings import Settings

MAX_LISTING_BYTES: Final = 32 * 1024 * 1024
"""Enough for some 300,000 files."""

MAX_HEADS_BYTES: Final = 64 * 1024
"""Enough for some 1,000 branches, from which an error message chooses."""

MAX_MIRROR_BYTES: Final = 2 * MAX_FILE_BYTES
"""The size before a fetch that makes a mirror be created again. git joins packs only after 50 fetches."""

LOCAL_TIMEOUT_SECONDS: Final = 20.0
"""For a command that only uses the local disk: a large fabric needs one second."""

FETCH_ARGUMENTS: Final = (
    *("fetch", "--quiet", "--depth=1", "--no-tags"),
    *("--no-recurse-submodules", "--no-write-fetch-head", "source"),
)
REF: Final = "refs/fabric-sync/branch"
LIST_HEADS: Final = ("ls-remote", "--heads", "source")
CHECK_TYPES: Final = ("cat-file", "--batch-check=%(objecttype)")

FULL_ERRORS: Final = frozenset({ENOSPC, EDQUOT, EMFILE, ENFILE})
"""The disk, or the worker's table of open files, is full at the moment."""

log = logging.getLogger("fabric_sync.git")


@dataclass(frozen=True)
class GitMirror:
    """The worker's copy of a fabric's branch, as the fabric's credential sees it.

    All methods raise `TransientError` and `PermanentError`. Processes and threads may share a branch: fetches wait
    for each other, and nobody waits to read what has been fetched. If `commit` is set, that is read instead of the
    branch, into a mirror of its own.
    """

    source: GitSource
    settings: Settings
    commit: str = ""

    def is_at(self, commit: str, checks: BranchChecks, deadline: Deadline) -> bool:
        """Return whether the server's branch is at `commit`, asked by `deadline`.

        Also False if the server does not tell: a fetch finds out why. Raises errors that a fetch would only repeat.
        """
        mirror_cache.mark_used(self._path)
        repository = self.source.repository
        if self._protocol in {"http", "https"} and not validation.uses_proxy(repository):
            deadlines = self._limit_connecting(deadline), deadline
            return checks.is_at(commit, self.source, self.access, deadlines)
        try:
            git = self._git_with_access(deadline)
            heads = git.run(*LIST_HEADS, max_output_bytes=MAX_ANSWER_BYTES)
        except GitError as error:
            if error.timed_out:
                raise self._classify(error) from None
            return False
        return f"{commit}\trefs/heads/{self.source.branch}".encode() in heads.splitlines()

    def fetch(self, deadline: Deadline) -> str:
        """Fetch the branch by `deadline` and return its commit."""
        self._check_host_reachable(deadline)
        with self._locked(deadline):
            return self._repair(lambda: self._fetch(deadline))

    def fetch_snapshot(self) -> GitSnapshot:
        """Fetch the branch and list the directory; repairs a damaged mirror."""
        return self.read_snapshot(self.fetch(Deadline.after(self.settings.git_timeout)))

    def read_snapshot(self, commit: str) -> GitSnapshot:
        """List the directory at a commit that was fetched.

        If the mirror was lost, one of those who notice it fetches again, for the others too.
        """
        with suppress(GitError):
            return self._list(commit)
        deadline = Deadline.after(self.settings.git_timeout)
        self._check_host_reachable(deadline)
        with self._locked(deadline):
            with suppress(GitError):
                return self._list(commit)
            return self._repair(lambda: self._list(self._fetch(deadline)))

    def read_contents(self, commit: str, blob_ids: Collection[str]) -> dict[str, bytes]:
        """Return contents of files at a commit, by blob id.

        Raises `TransientError`: git removes files of older commits while newer ones are fetched.
        """
        if not blob_ids:
            return {}
        try:
            return parse_batch(self._local_git.run("cat-file", "--batch", input_lines=blob_ids))
        except (GitError, ValueError) as error:
            timed_out = isinstance(error, GitError) and error.timed_out
            with self._locked(Deadline.after(self.settings.git_timeout)):
                if timed_out or not self._is_latest(commit):
                    raise TransientError(
                        f"{self.name} was not read: it took too long, or a newer commit came; the next attempt"
                        " reads that."
                    ) from None
                mirror_cache.delete(self._path)
            raise TransientError(
                f"{self.name} was not read: its mirror is damaged; the next attempt recreates it."
            ) from None

    def read_commit(self, commit: str) -> GitCommit | None:
        """Return a commit that was fetched; None if it cannot be read."""
        with suppress(GitError, ValueError):
            return parse_commit(self._local_git.run("cat-file", "commit", commit))
        return None

    def _is_latest(self, commit: str) -> bool:
        """True if no newer commit was fetched, also if that cannot be told."""
        try:
            return _get_fetched_commit(self._local_git) == commit
        except GitError:
            return True

    def _check_host_reachable(self, deadline: Deadline) -> None:
        """Notice an unreachable host before a lock is held, which others wait for."""
        if not (self.access.ssh_key or self._protocol == "file"):
            by = self._limit_connecting(deadline)
            validation.check_host_reachable(self.source.repository, by)

    def _limit_connecting(self, deadline: Deadline) -> Deadline:
        return min(deadline, Deadline.after(self.settings.connect_timeout))

    def _repair[T](self, action: Callable[[], T]) -> T:
        """Run `action`, once more with a new mirror if git fails on the present one."""
        try:
            return action()
        except GitError as error:
            if error.timed_out:  # the disk is slow, and would be slower with a new mirror
                raise self._unreadable_error(error) from None
            log.info("Recreating the mirror of %s: %s", self.name, error)
            mirror_cache.delete(self._path)
        try:
            return action()
        except GitError as error:
            raise self._unreadable_error(error) from None

    def _unreadable_error(self, error: GitError) -> TransientError:
        log.warning("git fails on %s: %s", self.name, error)
        return TransientError(f"{self.name} cannot be read: see the worker's log.")

    @contextmanager
    def _locked(self, deadline: Deadline) -> Iterator[None]:
        try:
            with mirror_cache.locked(self._path, deadline.count_seconds_left()):
                yield
        except TimeoutError as error:
            raise NoResponseError(f"{self.name} is still being read by another sync.") from error
        except OSError as error:
            error_type = TransientError if error.errno in FULL_ERRORS else PermanentError
            where = f"{self.settings.cache_dir} ({error.strerror})"
            raise error_type(f"The worker cannot store Git mirrors in {where}.") from error

    def _list(self, commit: str) -> GitSnapshot:
        return GitSnapshot(commit, tuple(parse_listing(self._list_directory(commit))))

    def _fetch(self, deadline: Deadline) -> str:
        git = self._git_with_access(deadline)
        if mirror_cache.measure(self._path) > MAX_MIRROR_BYTES:
            mirror_cache.delete(self._path)
        try:
            if not (self._path / "HEAD").exists():
                mirror_cache.delete(self._path)
                self._path.mkdir(mirror_cache.OWNER_ONLY)
                git.run("init", "--quiet", "--bare", "--template=")
            git.run(*FETCH_ARGUMENTS)
            return _get_fetched_commit(git)
        except GitError as error:
            mirror_cache.remove_unfinished(self._path)
            if MISSING_BRANCH_PATTERN.search(error.local_output):
                raise self._missing_branch_error(git) from None
            if self.commit and MISSING_COMMIT_PATTERN.search(error.local_output):
                raise build_missing_commit_error(self.commit, self.source) from None
            raise self._classify(error) from None

    def _classify(self, error: GitError) -> ClassifiedError | GitError:
        return classify_fetch_error(error, self.source, self.access) or error

    def _missing_branch_error(self, git: GitCommand) -> ClassifiedError | GitError:
        try:
            heads = git.run(*LIST_HEADS, max_output_bytes=MAX_HEADS_BYTES)
        except GitError as error:
            return self._classify(error)
        return build_missing_branch_error(heads, self.source)

    def _list_directory(self, commit: str) -> bytes:
        tree = f"{commit}:{self._directory}"
        listing_arguments = ("ls-tree", "-r", "-z", "-l", tree)
        try:
            listing = self._local_git.run(*listing_arguments, max_output_bytes=MAX_LISTING_BYTES)
        except GitError as error:
            if error.timed_out:
                raise build_too_many_files_error(self.source) from None
            # In this order, since another thread may be fetching the commit.
            found = self._local_git.run(*CHECK_TYPES, input_lines=(f"{commit}:", tree))
            root_type, directory_type = found.splitlines()
            if root_type != b"tree" or directory_type == b"tree":
                raise
            is_file = directory_type == b"blob"
            raise build_missing_directory_error(self.source, self.commit, is_file=is_file) from None
        if len(listing) >= MAX_LISTING_BYTES:
            raise build_too_many_files_error(self.source)
        return listing

    @property
    def name(self) -> str:
        """The repository as sentences name it."""
        return f"The Git repository {self.source.repository}"

    @property
    def _path(self) -> Path:
        key = [self.source.credential, self.source.repository, self.source.branch]
        key += ["commit"] if self.commit else []
        return get_mirrors_folder(self.settings) / sha256("\n".join(key).encode()).hexdigest()[:32]

    @cached_property
    def _directory(self) -> str:
        return validation.validate_directory(self.source.directory)

    @cached_property
    def access(self) -> GitAccess:
        """The access to the repository. Raises `PermanentError`."""
        directory = self.settings.credentials_dir
        if self._protocol == "file":
            return GitAccess(directory / self.source.credential)
        return resolve_git_access(directory, self.source.credential, self.source.repository)

    @cached_property
    def _protocol(self) -> str:
        return validation.select_protocol(self.source.repository, self.settings)

    @cached_property
    def _environment(self) -> dict[str, str]:
        wanted = validation.select_wanted(self.source.branch, self.commit)
        configuration = {
            "remote.source.url": self.source.repository,
            "remote.source.fetch": f"+{wanted}:{REF}",
        }
        return build_git_environment(self._path, self.access, configuration, self._protocol)

    @property
    def _local_git(self) -> GitCommand:
        return GitCommand(self._environment, Deadline.after(LOCAL_TIMEOUT_SECONDS))

    def _git_with_access(self, deadline: Deadline) -> GitCommand:
        return GitCommand(self._environment, deadline, self.access)


def get_mirrors_folder(settings: Settings) -> Path:
    """Return the folder of all mirrors."""
    return settings.cache_dir / "git"


def _get_fetched_commit(git: GitCommand) -> str:
    return git.run("rev-parse", "--verify", f"{REF}^{{commit}}").decode().strip()
