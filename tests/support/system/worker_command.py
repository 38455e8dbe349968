"""The command of a worker process of a test."""

import sys
from typing import Final

WORKER_COMMAND: Final = ("setpriv", "--pdeathsig", "KILL", sys.executable, "worker.py")
"""It dies with the test run, even if that is killed: a worker that is left serves the next Temporal at its port."""
