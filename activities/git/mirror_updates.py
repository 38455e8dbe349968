"""Bring mirrors up to date, once for all fabrics that follow a branch.

An update asks the server for the branch's commit, and fetches only if that is new. It serves everybody who asked
before it began, and nobody else: an answer that the server may have given before the question would hide a push
from the very sync that was asked for because of it. So those who ask while an update runs share the next one, which
begins when it ends; those who ask later start one. However many ask, each waits for two updates at most.

Fabrics share an update if repository, branch and all of the credential are the same. Each branch has updates of its
own: one that is missing or large is nobody else's error or delay.
"""

import logging
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Final

from cachetools import LRUCache

from activities.connections import Deadline
from activities.credentials import GitAccess
from activities.errors import NoResponseError
from activities.git import mirror_cache
from activities.git.branch_check import BranchChecks
from activities.git.mirror import GitMirror, get_mirrors_folder

MAX_BRANCHES: Final = 10_000
"""Branches whose last commit is remembered; any other is fetched."""

PRUNE_INTERVAL_SECONDS: Final = 300.0
"""To look through the mirrors takes 1 ms for a hundred of them."""

type BranchKey = tuple[str, str, GitAccess]

log = logging.getLogger("fabric_sync.git")


@dataclass
class _Update:
    """One update; it may take until the last `deadline` of those who wait for it."""

    deadline: Deadline
    commit: Future[str] = field(default_factory=Future)
    began: float = 0.0


class MirrorUpdates:
    """Updates of many mirrors. Threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._checks = BranchChecks()
        self._next: dict[BranchKey, _Update] = {}
        self._running: dict[BranchKey, _Update] = {}
        self._fetched: LRUCache[BranchKey, str] = LRUCache(MAX_BRANCHES)
        self._next_prune = 0.0

    def fetch_commit(self, mirror: GitMirror) -> str:
        """Return the branch's commit, which the mirror then has, within `git_timeout`.

        An error of the update is that of all who wait for it. Raises `TransientError` and `PermanentError`.
        """
        key = (mirror.source.repository, mirror.source.branch, mirror.access)
        timeout = mirror.settings.git_timeout
        deadline = Deadline.after(timeout)
        with self._lock:
            update = self._next.setdefault(key, _Update(deadline))
            update.deadline = max(update.deadline, deadline)
            running = self._running.get(key)
            # An update that outlasts the newcomer's own timeout hangs: do not wait for it.
            if running is None or time.monotonic() - running.began > timeout:
                self._start_next(key, mirror)
        try:
            return update.commit.result(timeout)
        except TimeoutError:
            raise NoResponseError(f"{mirror.name} did not answer in time.") from None

    def _start_next(self, key: BranchKey, mirror: GitMirror) -> None:
        update = self._running[key] = self._next.pop(key)
        update.began = time.monotonic()
        # A thread of its own, since everybody who waits may give up, or be cancelled, before the others.
        Thread(target=self._run, args=(key, update, mirror), name="git update", daemon=True).start()

    def _run(self, key: BranchKey, update: _Update, mirror: GitMirror) -> None:
        try:
            update.commit.set_result(self._update(key, mirror, update.deadline))
        except Exception as error:
            update.commit.set_exception(error)
        with self._lock:
            if self._running.get(key) is update:
                del self._running[key]
            if key in self._next and key not in self._running:
                self._start_next(key, mirror)
        self._prune(mirror)

    def _update(self, key: BranchKey, mirror: GitMirror, deadline: Deadline) -> str:
        with self._lock:
            known = self._fetched.get(key)
        if known and mirror.is_at(known, self._checks, deadline):
            return known
        commit = mirror.fetch(deadline)
        with self._lock:
            self._fetched[key] = commit
        return commit

    def _prune(self, mirror: GitMirror) -> None:
        """Delete mirrors that nobody uses, now and then; nobody waits for it."""
        with self._lock:
            now = time.monotonic()
            if now < self._next_prune:
                return
            self._next_prune = now + PRUNE_INTERVAL_SECONDS
        try:
            mirror_cache.prune(get_mirrors_folder(mirror.settings))
        except OSError as error:
            log.warning("Unused mirrors could not be deleted: %s", error.strerror)
