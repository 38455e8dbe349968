"""Parsing in turn, so that event loop and heartbeats never wait for many threads."""

from threading import Lock
from typing import Final

PARSING: Final = Lock()
"""Held while one page or one file is parsed, or two states are compared. More threads would not be faster, since
Python computes in one at a time; but the event loop would come after all of them, too late for heartbeats."""
