"""Servers on the internet, without which some tests are skipped."""

import urllib.request
from typing import Final

PYPI: Final = "https://pypi.org/simple/hatchling/"


def explain_unreachable(url: str) -> str | None:
    """Return a sentence if `url` cannot be read; None if it can."""
    try:
        urllib.request.urlopen(url, timeout=30).close()  # noqa: S310  one that tests name
    except OSError as error:
        return f"{url} cannot be reached ({error})"
    return None
