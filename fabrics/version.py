"""The version of this release.

It is a constant rather than what Python knows of an installed package, since workers run from a clone, too. A test
compares it with `pyproject.toml` and the chart.
"""

from typing import Final

VERSION: Final = "0.1.0"
