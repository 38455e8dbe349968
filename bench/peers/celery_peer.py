"""Celery as a measured scheduler: a master task starts what is due.

Celery Beat starts the master task each second. The worker is the default one, prefork, with a process for
each of two cores.
"""

import sys
import time
from typing import override

import psutil

from bench.fleet.scheduler import PROJECT, Role
from bench.peers.first_looks import plan_first_looks
from bench.peers.peer import Peer

COMMAND = [sys.executable, "-m", "celery", "--app", "bench.peers.celery_tasks"]
DUE_KEY = "due"


class CeleryFleet(Peer):
    """The due times of all fabrics in a sorted set."""

    name = "celery"
    polls = "master task every 1 s"

    @override
    def _start(self) -> None:
        super()._start()
        self.start_workers()
        with self.connect() as redis:
            redis.zadd(DUE_KEY, plan_first_looks(self.size, time.time()))
        schedule = str(self.folder / "beat-schedule")
        beat = [*COMMAND, "beat", "--loglevel", "WARNING", "--schedule", schedule]
        self._supervisor.start("Celery beat", beat, env=self._environment)

    @override
    def start_workers(self) -> None:
        worker = [*COMMAND, "worker", "--concurrency", "2", "--loglevel", "WARNING"]
        self._supervisor.start("Celery worker", worker, env=self._environment)

    @override
    def list_processes(self, role: Role) -> list[psutil.Process]:
        names = ["Valkey", "Celery beat"] if role == "server" else ["Celery worker"]
        return [process for name in names for process in self._supervisor.list_processes(name)]

    @override
    def list_planned(self) -> set[str]:
        with self.connect() as redis:
            return {fabric_id.decode() for fabric_id in redis.zrange(DUE_KEY, 0, -1)}

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(PROJECT),
            "BENCH_FOLDER": str(self.folder),
            "BENCH_SOCKET": str(self.socket),
            "BENCH_INTERVAL": str(self.size.interval),
            "BENCH_LOOK_SECONDS": str(self.size.look_seconds),
        }
