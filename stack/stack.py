"""The whole local stack as one context manager."""

import shutil
import tempfile
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from stack.cache import Progress
from stack.git_server import GitServer
from stack.netbox import NetBox, start_netbox
from stack.processes import Supervisor
from stack.temporal_server import TemporalServer, start_temporal
from stack.valkey import start_valkey


def _silent(_text: str) -> None:
    """Report no progress."""


class Stack:
    """Temporal, NetBox and a Git server, running from `with` to the end of its block.

    `progress` is called, from several threads, with a short text about what is being done.
    Everything lives in a temporary directory that is removed at the end. When the start fails, it
    stays for the sake of its logs, which the StackError names.
    """

    temporal: TemporalServer
    netbox: NetBox
    git: GitServer

    def __init__(self, progress: Progress = _silent) -> None:
        self._progress = progress

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="fabric-sync-"))
        self._directory.chmod(0o711)  # PostgreSQL may run as another user
        self.log_dir = self._make_directory("logs")
        self._supervisor = Supervisor(self.log_dir)
        try:
            self._start()
        except BaseException:
            self._supervisor.close()
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
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self) -> None:
        with ThreadPoolExecutor(thread_name_prefix="stack") as pool:
            temporal = pool.submit(start_temporal, self._supervisor)
            netbox = pool.submit(self._start_netbox)
            try:
                _wait_for_all(temporal, netbox)
            except BaseException:
                self._supervisor.close()  # ends what the other thread waits for
                raise
        self.temporal, self.netbox = temporal.result(), netbox.result()
        self.git = GitServer(self._make_directory("git"))

    def _start_netbox(self) -> NetBox:
        valkey = start_valkey(self._make_directory("valkey"), self._supervisor)
        directory = self._make_directory("netbox")
        return start_netbox(directory, valkey, self._supervisor, self._progress)

    def _make_directory(self, name: str) -> Path:
        path = self._directory / name
        path.mkdir()
        return path


def _wait_for_all(*futures: Future[Any]) -> None:
    done, _ = wait(futures, return_when=FIRST_EXCEPTION)
    for future in done:
        future.result()
