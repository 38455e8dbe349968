"""Times as people read them."""

from datetime import datetime


def format_time(moment: datetime | None) -> str:
    """Return a time of UTC to the second; "none" if there is none."""
    # `strftime` imports a module at each call, which takes 80 us in the sandbox of workflows.
    return "none" if moment is None else f"{moment.isoformat(' ', 'seconds')[:19]} UTC"
