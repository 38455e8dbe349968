"""A message for chat or mail, through the library Apprise.

That is optional (the extra `chat`), and imported only where a target needs it.
"""

from importlib import import_module
from types import ModuleType

from pydantic import SecretStr

from activities.errors import PermanentError, TransientError
from activities.notifications.targets import Target
from activities.secrets.sources import SecretSource
from fabrics.fleet.notifications import Notification


def send(name: str, target: Target, message: Notification) -> None:
    """Send a message. Raises `TransientError` or `PermanentError`, which name no URL."""
    apprise = _import_apprise(name)
    url = SecretSource("", SecretStr(""), target.apprise_file).read_token()
    service = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Fabric Sync"))
    if not service.add(url):
        raise PermanentError(
            f"The file {target.apprise_file} must have one URL that Apprise understands: correct it."
        )
    plain = apprise.NotifyFormat.TEXT  # for services that Apprise sends HTML or Markdown
    if not service.notify(title=message.title, body=message.text, body_format=plain):
        raise TransientError(
            f'The target "{name}" of notifications did not take the message: the log of the worker says why.'
        )


def _import_apprise(name: str) -> ModuleType:
    try:
        return import_module("apprise")
    except ImportError:
        raise PermanentError(
            f'The target "{name}" of notifications needs the library Apprise: install the extra "chat" on all workers'
            " (`pip install '.[chat]'`)."
        ) from None
