"""The whole local stack as one context manager."""

import contextlib
import os
import shutil
import tempfile
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil
from filelock import FileLock, Timeout

from stack.cache import Progress
from stack.processes.supervisor import Supervisor
from stack.services.git_server import GitServer
from stack.services.netbox import NetBoxServer, start_netbox
from stack.services.temporal_server import TemporalServer, start_temporal
from stack.services.valkey import start_valkey

DIRECTORY_PREFIX = "fabric-sync-stack-"
LOCK_FILE_NAME = "in-use.lock"


class Stack:
    """Temporal, NetBox and a Git server, which run during the `with` block.

    Several threads call `progress` with a short text about the current step. All files are in a
    temporary directory, which is removed at the end. After a failed start it stays until the next
    start, because the StackError names its logs.
    """

    temporal: TemporalServer
    netbox: NetBoxServer
    git: GitServer

    def __init__(self, progress: Progress = lambda _text: None) -> None:
        self._progress = progress

    def __enter__(self) -> Self:
        _remove_abandoned_directories()
        self._directory = Path(tempfile.mkdtemp(prefix=DIRECTORY_PREFIX))
        self._directory.chmod(0o711)  # PostgreSQL may run as another user
        self._directory_lock = FileLock(self._directory / LOCK_FILE_NAME)
        self._directory_lock.acquire()
        self.log_dir = self._make_directory("logs")
        self._supervisor = Supervisor(self.log_dir)
        try:
            self._start()
        except BaseException:
            self._supervisor.close()
            self._directory_lock.release()
            raise
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.git.close()
        self._supervisor.close()
        shutil.rmtree(self._directory)
        self._directory_lock.release()

    def list_processes(self, name: str) -> list[psutil.Process]:
        """List the running processes of a service: `NetBox`, `PostgreSQL`, ..."""
        return self._supervisor.list_processes(name)

    def _start(self) -> None:
        with ThreadPoolExecutor(thread_name_prefix="stack") as pool:
            temporal = pool.submit(start_temporal, self._supervisor)
            netbox = pool.submit(self._start_netbox)
            try:
                _wait_for_all(temporal, netbox)
            except BaseException:
                self._supervisor.close()  # ends the processes that the other thread waits for
                raise
        self.temporal, self.netbox = temporal.result(), netbox.result()
        self.git = GitServer(self._make_directory("git"), self._supervisor.ports)

    def _start_netbox(self) -> NetBoxServer:
        valkey = start_valkey(self._make_directory("valkey"), self._supervisor)
        directory = self._make_directory("netbox")
        return start_netbox(directory, valkey, self._supervisor, self._progress)

    def _make_directory(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir()
        return path


def _remove_abandoned_directories() -> None:
    """Remove directories of this user's stacks that were killed or failed to start."""
    for lock_file in Path(tempfile.gettempdir()).glob(f"{DIRECTORY_PREFIX}*/{LOCK_FILE_NAME}"):
        if lock_file.stat().st_uid != os.geteuid():
            continue
        with contextlib.suppress(Timeout), FileLock(lock_file, timeout=0):
            shutil.rmtree(lock_file.parent)


def _wait_for_all(*futures: Future[Any]) -> None:
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
