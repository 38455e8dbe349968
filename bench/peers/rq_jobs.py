"""The RQ peer's job: it looks at a fabric and schedules its successor.

As NetBox's `JobRunner` does for a job with the interval of one minute, it schedules its successor in
`finally`, one interval after its own end.
"""

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from rq import Queue, get_current_job

from bench.measure.arrivals import ArrivalLog


@dataclass(frozen=True)
class Look:
    """One look at a fabric; the durations are in seconds.

    It is due in whole seconds since the epoch, as RQ keeps nothing finer.
    """

    fabric_id: str
    due: int
    interval: int
    seconds: float
    folder: str

    def run(self) -> None:
        """Note the look, and schedule the next one."""
        ArrivalLog(Path(self.folder)).append(self.fabric_id, self.due)
        job = get_current_job()
        try:
            time.sleep(self.seconds)
        finally:
            if job is not None:
                successor = replace(self, due=int(time.time()) + self.interval)
                successor.schedule(Queue(connection=job.connection))

    def schedule(self, queue: Queue) -> None:
        """Schedule this look for when it is due, described by the fabric id."""
        due = datetime.fromtimestamp(self.due, UTC)
        queue.enqueue_at(due, self.run, description=self.fabric_id)
