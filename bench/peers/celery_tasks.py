"""The Celery peer's tasks: a master that starts what is due, and a look.

As plugins do it, a fabric is due one interval after its last start, and the master notes the start.
"""

import os
import time
from pathlib import Path
from typing import Final

from celery import Celery
from redis import Redis

from bench.measure.arrivals import ArrivalLog

INTERVAL: Final = int(os.environ["BENCH_INTERVAL"])
LOOK_SECONDS: Final = float(os.environ["BENCH_LOOK_SECONDS"])
FOLDER: Final = Path(os.environ["BENCH_FOLDER"])
SOCKET: Final = os.environ["BENCH_SOCKET"]
DUE_KEY: Final = "due"
"""A sorted set of fabric ids by the time at which they are due, in seconds since the epoch."""

TICK_SECONDS: Final = 1.0
"""How often Celery Beat starts the master task."""

app = Celery("bench", broker=f"redis+socket://{SOCKET}")
app.conf.update(
    beat_schedule={"start-due": {"task": "start_due", "schedule": TICK_SECONDS}},
    task_ignore_result=True,
)


def start_due() -> None:
    """Start a look at each fabric that is due."""
    now = time.time()
    with Redis(unix_socket_path=SOCKET) as redis:
        for fabric_id, due in redis.zrangebyscore(DUE_KEY, 0, now, withscores=True):
            redis.zadd(DUE_KEY, {fabric_id: now + INTERVAL})
            look_task.delay(fabric_id.decode(), due)


def look(fabric_id: str, due: float) -> None:
    """Note the look; `due` is in seconds since the epoch."""
    ArrivalLog(FOLDER).append(fabric_id, due)
    time.sleep(LOOK_SECONDS)


app.task(name="start_due")(start_due)
look_task = app.task(name="look")(look)
