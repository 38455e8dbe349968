"""Exit statuses of `starter.py`."""

from typing import Final

EXIT_OK: Final = 0
EXIT_UNHEALTHY: Final = 1
EXIT_FAILURE: Final = 2
EXIT_INTERRUPTED: Final = 130
