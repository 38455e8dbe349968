"""A message for chat or mail, through the library Apprise.

That is optional (the extra `chat`), and imported only where a target needs it.
"""

from typing import Any

from pydantic import SecretStr

from activities.errors import PermanentError, TransientError
from activities.notifications.targets import Target
from activities.secrets.sources import SecretSource
from fabrics.fleet.notifications import Notification


def send(name: str, target: Target, message: Notification) -> None:
    """Send a message. Raises `TransientError` or `PermanentError`, which name no URL."""
    service = _connect(name, target)
    if not service.notify(title=message.title, body=message.text, body_format="text"):
        raise TransientError(
            f'The target "{name}" of notifications did not take the message: the log of the worker says why.'
        )


def _connect(name: str, target: Target) -> Any:  # noqa: ANN401  of an optional library
    try:
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415  it may be absent
    except ImportError:
        raise PermanentError(
            f'The target "{name}" of notifications needs the library Apprise: install the extra "chat" on all workers'
            " (`uv sync --extra chat`)."
        ) from None
    source = SecretSource("", SecretStr(""), target.apprise_file)
    service = Apprise(asset=AppriseAsset(app_id="Fabric Sync", secure_logging=True))
    if not service.add(source.read_token()):
        raise PermanentError(
            f"The file {target.apprise_file} must have one URL that Apprise understands: correct it."
        )
    return service
