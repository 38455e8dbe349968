"""The CPU time of processes, as benchmarks read it."""

import subprocess
import sys
import time

import psutil

from bench.installation.cpu_time import read_cpu_seconds


def test_cpu_time_of_a_process_is_exact() -> None:
    process = psutil.Process()
    children = process.cpu_times().children_user + process.cpu_times().children_system

    before = time.process_time()
    seconds = read_cpu_seconds([process])
    after = time.process_time()

    assert before <= seconds - children <= after


def test_other_processes_count_until_they_have_ended() -> None:
    command = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        process = psutil.Process(child.pid)
        assert read_cpu_seconds([process, process]) > read_cpu_seconds([process]) > 0
        child.communicate(b"\n")

    assert read_cpu_seconds([process]) == 0
