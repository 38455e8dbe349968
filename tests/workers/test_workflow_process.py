"""The workflow process starts, stops and fails together with its parent."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from tests.support.paths import PROJECT

# A program whose two processes say what happens to them. It fails where a test says so.
PROGRAM = """
import asyncio, os, signal, sys
from workers.workflow_process import WorkflowProcess, WorkflowProcessEnded

def stop_on_sigterm():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    return stop

async def run_workflows():
    {child}
    stop = stop_on_sigterm()
    print(os.getpid(), flush=True)
    await stop.wait()
    print("child finishes", flush=True)

async def main(workflows):
    {parent_before}
    stop = stop_on_sigterm()
    async with workflows.running(on_end=stop.set):
        {parent_beside}
        await stop.wait()
        print("parent finishes", flush=True)

try:
    asyncio.run(main(WorkflowProcess(lambda: asyncio.run(run_workflows()))))
except WorkflowProcessEnded as error:
    sys.exit(str(error))
"""


@dataclass
class Family:
    """A running program and the process of its workflows."""

    parent: subprocess.Popen[str]
    child: psutil.Process

    def wait(self) -> tuple[int, str, str]:
        """Return the parent's exit code, and what it and its child still print."""
        out, err = self.parent.communicate(timeout=30)
        psutil.wait_procs([self.child], timeout=30)
        assert not self.child.is_running()
        return self.parent.returncode, out, err


def start(**steps: str) -> subprocess.Popen[str]:
    """Start the program with these steps in place of none."""
    nothing = dict.fromkeys(("child", "parent_before", "parent_beside"), "pass")
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(**nothing | steps)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running_family() -> Iterator[Family]:
    """Run the program until the block ends."""
    with start() as parent:
        try:
            assert parent.stdout is not None
            yield Family(parent, psutil.Process(int(parent.stdout.readline())))
        finally:
            parent.kill()


def test_child_finishes_after_its_parent() -> None:
    with running_family() as family:
        family.parent.terminate()
        assert family.wait() == (0, "parent finishes\nchild finishes\n", "")


def test_child_that_is_asked_to_stop_stops_its_parent() -> None:
    with running_family() as family:
        family.child.terminate()
        assert family.wait() == (0, "child finishes\nparent finishes\n", "")


def test_child_never_outlives_a_killed_parent() -> None:
    with running_family() as family:
        family.parent.kill()
        assert family.wait() == (-signal.SIGKILL, "", "")


def test_killed_child_ends_its_parent_with_a_sentence() -> None:
    with running_family() as family:
        family.child.kill()
        code, out, err = family.wait()
    assert (code, out) == (1, "parent finishes\n")
    assert err == (
        f"The process {family.child.pid}, which runs the workflows, was killed by SIGKILL; restart the worker.\n"
    )


def test_failed_child_ends_its_parent_with_a_sentence() -> None:
    with start(child="sys.exit('The reason.')") as parent:
        out, err = parent.communicate(timeout=30)
    assert (parent.returncode, out) == (1, "parent finishes\n")
    assert err.startswith("The reason.\nThe process ")
    assert "failed with exit code 1: see its log; restart the worker." in err


def test_failed_parent_ends_its_child() -> None:
    with start(parent_beside="sys.exit('The reason.')") as parent:
        _, err = parent.communicate(timeout=30)  # both processes have closed the pipe
    assert (parent.returncode, err) == (1, "The reason.\n")


def test_child_that_is_killed_before_it_may_begin_ends_its_parent_with_a_sentence() -> None:
    steps = (
        "import psutil",
        "child = psutil.Process().children()[0]",
        "child.kill()",
        "all(iter(lambda: child.status() != psutil.STATUS_ZOMBIE, False))",  # waits for its end
    )
    with start(parent_before="; ".join(steps)) as parent:
        _, err = parent.communicate(timeout=30)
    assert parent.returncode == 1
    assert "was killed by SIGKILL; restart the worker." in err


def test_workflows_do_not_begin_if_their_parent_fails_before() -> None:
    with start(parent_before="sys.exit('The reason.')") as parent:
        out, err = parent.communicate(timeout=30)
    assert (parent.returncode, out, err) == (1, "", "The reason.\n")


def test_child_that_does_not_stop_in_time_is_ended_without_an_error() -> None:
    with start(
        child="; ".join(
            (
                "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
                "print('child works', flush=True)",
                "await asyncio.Event().wait()",
            )
        ),
        parent_before="from workers import workflow_process; workflow_process.STOP_SECONDS = 0.1",
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "child works\n"
        parent.terminate()
        out, err = parent.communicate(timeout=30)
    assert (parent.returncode, out) == (0, "parent finishes\n")
    assert err == "The workflows did not stop within 0.1 s, and were ended.\n"
