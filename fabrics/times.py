"""Times as people read and write them."""

from datetime import UTC, datetime


def format_time(moment: datetime | None) -> str:
    """Return a time of UTC to the second; "none" if there is none."""
    # `strftime` imports a module at each call, which takes 80 us in the sandbox of workflows.
    return "none" if moment is None else f"{moment.isoformat(' ', 'seconds')[:19]} UTC"


def parse_time(text: str) -> datetime | None:
    """Parse a time of ISO 8601, by default of UTC; None if it is none."""
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
