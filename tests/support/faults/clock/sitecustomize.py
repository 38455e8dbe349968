"""Shift the clock of a Python process by `FAULTY_CLOCK_SECONDS`.

Python imports this at its start where `PYTHONPATH` names this folder. Timers keep their pace: they use another clock.
"""

import os
import time

import time_machine

time_machine.travel(time.time() + float(os.environ["FAULTY_CLOCK_SECONDS"])).start()
