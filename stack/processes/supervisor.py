"""Child processes with log files and readiness checks; none is left behind.

Every command runs under `stack/processes/reaper.py`, so it ends when the supervisor closes and
also when this process is killed.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO

import psutil
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from stack.processes.ports import PortPool

REAPER_SCRIPT = Path(__file__).with_name("reaper.py")
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
LOG_LINES_IN_ERRORS = 15


class StackError(Exception):
    """The local stack cannot start or continue; the message says what to do."""


def get_base_environment() -> dict[str, str]:
    """Return this process's environment without variables that affect services."""
    return {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}


class Service:
    """One command that was started, and its log file."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @property
    def output(self) -> IO[str] | None:
        return self._process.stdout

    def wait(self) -> int:
        """Wait for the end of the command and return its exit code."""
        return self._process.wait()

    def wait_until[T](
        self, ready: Callable[[], T], timeout_seconds: float, pause_seconds: float = 0.05
    ) -> T:
        """Call `ready()` until its result is true, and return that result.

        Raises StackError if the command ends first, or after `timeout_seconds`.
        """
        waiting = Retrying(
            wait=wait_fixed(pause_seconds),
            stop=stop_after_delay(timeout_seconds),
            retry=retry_if_result(lambda is_ready: not is_ready),
        )
        try:
            result: T = waiting(self._call_while_running, ready)
        except RetryError:
            message = f"{self.name} did not answer within {timeout_seconds:.0f} s."
            raise StackError(f"{message} {self._read_log_tail()}") from None
        return result

    def list_processes(self) -> list[psutil.Process]:
        """List the command and everything that it started, as far as they still run."""
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def stop(self) -> None:
        """End the command and everything that it started; return when all have ended."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait()

    def make_exit_error(self) -> StackError:
        message = f"{self.name} ended with exit code {self._process.poll()}."
        return StackError(f"{message} {self._read_log_tail()}")

    def _call_while_running[T](self, ready: Callable[[], T]) -> T:
        if self._process.poll() is not None:
            raise self.make_exit_error()
        return ready()

    def _read_log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_IN_ERRORS:]
        return "\n".join([f"The end of its log {self.log}:", *(f"  {line}" for line in lines)])


class Supervisor:
    """Starts commands and ends them all on `close`, the last one first. Thread-safe.

    `ports` holds the ports of these commands. A command that does not stop within `grace_seconds`
    is killed.
    """

    def __init__(self, log_dir: Path, grace_seconds: float = 10) -> None:
        self.log_dir = log_dir
        self.ports = PortPool()
        self._grace_seconds = grace_seconds
        self._services: list[Service] = []
        self._closed = False
        self._lock = Lock()

    def start(  # noqa: PLR0913
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "",
        stop_signal: signal.Signals = signal.SIGTERM,
        pipe_output: bool = False,
    ) -> Service:
        """Start `command`, optionally as `user`; its output goes to the log of `name`.

        `env` is added to `get_base_environment()`. With `pipe_output` the caller reads and logs
        the output instead.
        """
        reaper = [sys.executable, "-I", REAPER_SCRIPT, os.getpid(), stop_signal.value]
        reaper += [self._grace_seconds, user]
        log = self.log_dir / f"{name.lower().replace(' ', '-')}.log"
        with self._lock, log.open("a") as log_file:
            self.check_not_closed()
            process = subprocess.Popen(
                [*map(str, reaper), *map(str, command)],
                env=get_base_environment() | dict(env or {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipe_output else log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches only us; we end the services in order
                text=True,
            )
            service = Service(name, process, log)
            self._services.append(service)
        return service

    def run(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        user: str = "",
        on_line: Callable[[str], None] = lambda _line: None,
    ) -> None:
        """Run `command` to its end and pass each line of its output to `on_line`.

        Raises StackError with the end of the output if the exit code is not 0.
        """
        service = self.start(name, command, env=env, user=user, pipe_output=True)
        assert service.output is not None  # noqa: S101  we asked for the pipe
        with service.output, service.log.open("a", buffering=1) as log_file:
            for line in service.output:
                log_file.write(line)
                on_line(line.rstrip())
        if service.wait() != 0:
            raise service.make_exit_error()

    def list_processes(self, name: str) -> list[psutil.Process]:
        """List the running processes of all commands that were started under this name."""
        with self._lock:
            services = [service for service in self._services if service.name == name]
        return [process for service in services for process in service.list_processes()]

    def check_not_closed(self) -> None:
        """Raise StackError if the supervisor is closing or closed."""
        if self._closed:
            raise StackError("The local stack is shutting down.")

    def close(self) -> None:
        with self._lock:
            self._closed = True
        while self._services:
            self._services.pop().stop()
        self.ports.close()
