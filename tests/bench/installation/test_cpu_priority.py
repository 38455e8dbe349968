import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from bench.installation.cpu_priority import LOW_PRIORITY, lower_priority

READ_LINE = "import sys; print('ready', flush=True); sys.stdin.readline()"


@pytest.fixture
def process() -> Iterator[psutil.Process]:
    command = [sys.executable, "-c", READ_LINE]
    with subprocess.Popen(
        command,
        start_new_session=True,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as started:
        assert started.stdout is not None
        started.stdout.readline()
        yield psutil.Process(started.pid)
        started.communicate("\n")


def test_process_gets_a_low_priority_and_ended_ones_are_ignored(process: psutil.Process) -> None:
    with psutil.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()

    lower_priority([ended, process])

    assert process.nice() == LOW_PRIORITY
