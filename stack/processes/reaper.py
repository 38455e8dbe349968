"""Run one command and make sure that none of its processes outlives the parent.

Called as `python reaper.py PARENT_PID STOP_SIGNAL GRACE_SECONDS USER COMMAND...`; an empty USER is
the current one. The reaper waits until the command ends, the parent is gone (even by SIGKILL) or
SIGTERM arrives. It then ends the command and everything that the command started, including
processes that have detached themselves, because it is the subreaper of its descendants.
"""

import contextlib
import ctypes
import os
import pwd
import select
import signal
import socket
import subprocess
import sys

import psutil

PR_SET_PDEATHSIG = 1  # prctl(2)
PR_SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None, use_errno=True)


def main(
    parent_pid: int, stop_signal: int, grace_seconds: float, user: str, command: list[str]
) -> int:
    stop_requested = _open_sigterm_socket()
    parent_ended = os.pidfd_open(parent_pid)
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = _start(command, user)
    select.select([stop_requested.fileno(), parent_ended, os.pidfd_open(child.pid)], [], [])
    _stop(child, stop_signal, grace_seconds)
    _kill_descendants()
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _open_sigterm_socket() -> socket.socket:
    receiving, sending = socket.socketpair()
    sending.setblocking(False)
    signal.set_wakeup_fd(sending.detach())
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    return receiving


def _start(command: list[str], user: str) -> subprocess.Popen[bytes]:
    account = pwd.getpwnam(user) if user else None
    return subprocess.Popen(
        command,
        user=account and account.pw_uid,
        group=account and account.pw_gid,
        extra_groups=[] if account else None,
        # Safe in a process with one thread; the signal is sent when that thread ends.
        preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509
    )


def _stop(child: subprocess.Popen[bytes], stop_signal: int, grace_seconds: float) -> None:
    child.send_signal(stop_signal)
    try:
        child.wait(grace_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _kill_descendants() -> None:
    while descendants := psutil.Process().children(recursive=True):
        for process in descendants:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(descendants, timeout=1)


if __name__ == "__main__":
    _, pid, number, seconds, name, *words = sys.argv
    sys.exit(main(int(pid), int(number), float(seconds), name, words))
