"""Secrets of the worker itself: values of variables, or files that change.

A file is read at each use, so a secret can be rotated without a restart: by an editor, or by Kubernetes and Docker,
which replace what a mounted Secret's path leads to.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from activities.errors import PermanentError
from settings import MIN_WEBHOOK_SECRET_CHARS, Settings

REDACTED: Final = "[secret]"
"""Stands for a secret in the words of somebody who repeats it."""


@dataclass(frozen=True)
class SecretSource:
    """Where a secret comes from: the value of `variable`, or without one its file."""

    variable: str
    value: SecretStr
    file: Path | None = None
    min_chars: int = 0

    def read_all(self) -> tuple[str, ...]:
        """Return all secrets that are valid now, the newest first: one for each line.

        Raises `PermanentError` if a file has none, or one that is too short.
        """
        if self.value or self.file is None:
            return (self.value.get_secret_value(),)
        try:
            lines = self.file.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            raise self._error("cannot be read as text by the worker") from None
        secrets = tuple(filter(None, map(str.strip, lines)))
        if not secrets or min(map(len, secrets)) < self.min_chars:
            raise self._error(
                f"must have a secret of at least {max(1, self.min_chars)} characters on each line"
            )
        return secrets

    def read_token(self) -> str:
        """Return the newest secret, which must be one word to be a header.

        Raises `PermanentError`.
        """
        token = self.read_all()[0].strip()
        if not re.fullmatch(r"[\x21-\x7e]*", token):
            raise self._error("must have one token without spaces")
        return token

    def _error(self, what: str) -> PermanentError:
        place = self.variable if self.value or self.file is None else f"The file {self.file}"
        return PermanentError(f"{place} {what}: correct it.")


def netbox_token(token: SecretStr, file: Path | None) -> SecretSource:
    """Return the source of NetBox's token."""
    return SecretSource("FABRIC_SYNC_NETBOX_TOKEN", token, file)


def webhook_secret(settings: Settings) -> SecretSource:
    """Return the source of the secrets with which webhooks may be signed."""
    value, file = settings.webhook_secret, settings.webhook_secret_file
    return SecretSource("FABRIC_SYNC_WEBHOOK_SECRET", value, file, MIN_WEBHOOK_SECRET_CHARS)
