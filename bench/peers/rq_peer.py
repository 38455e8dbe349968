"""RQ as a measured scheduler: each job schedules its successor.

Two workers are the default ones, which fork for each job, with `--with-scheduler`, as NetBox starts its own:
every second the scheduler enqueues what is due.
"""

import sys
import time
from typing import Final, override

import psutil
from rq import Queue
from rq.job import Job

from bench.fleet.scheduler import PROJECT, Role
from bench.peers.first_looks import plan_first_looks_in_whole_seconds
from bench.peers.peer import Peer
from bench.peers.rq_jobs import Look

WORKERS: Final = 2
"""One a core."""


class RqFleet(Peer):
    """One chain of jobs for each fabric."""

    name = "rq"
    polls = "scheduler every 1 s"

    @override
    def _start(self) -> None:
        super()._start()
        self.start_workers()
        size, first_looks = self.size, plan_first_looks_in_whole_seconds(self.size, time.time())
        with self.connect() as redis:
            for fabric_id, due in first_looks.items():
                look = Look(fabric_id, due, size.interval, size.look_seconds, str(self.folder))
                look.schedule(Queue(connection=redis))

    @override
    def start_workers(self) -> None:
        command = [sys.executable, "-m", "rq.cli", "worker", "--with-scheduler", "--quiet"]
        command += ["--url", f"unix://{self.socket}"]
        for _ in range(WORKERS):
            self._supervisor.start("RQ worker", command, env={"PYTHONPATH": str(PROJECT)})

    @override
    def list_processes(self, role: Role) -> list[psutil.Process]:
        return self._supervisor.list_processes("Valkey" if role == "server" else "RQ worker")

    @override
    def list_planned(self) -> set[str]:
        with self.connect() as redis:
            queue = Queue(connection=redis)
            ids = [*queue.scheduled_job_registry.get_job_ids(), *queue.get_job_ids()]
            return {str(job.description) for job in Job.fetch_many(ids, connection=redis) if job}
