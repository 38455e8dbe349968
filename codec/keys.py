"""The keys that encrypt payloads, in a file that may change while a process runs."""

import base64
import binascii
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from activities.errors import PermanentError

KEY_BYTES: Final = 32
MAX_ID_CHARS: Final = 64

LINE_PATTERN: Final = re.compile(r"\s*(?P<id>[\w.-]+)\s*:\s*(?P<key>[A-Za-z0-9+/=]+)\s*", re.ASCII)

log = logging.getLogger("fabric_sync.codec")


@dataclass(frozen=True)
class Keys:
    """Keys by their ids; the first one encrypts."""

    by_id: Mapping[str, bytes] = field(repr=False)

    @property
    def first(self) -> tuple[str, bytes]:
        """The id and the bytes of the key that encrypts."""
        return next(iter(self.by_id.items()))


class KeyFile:
    """The keys of a file, which is read again whenever it changes.

    A key that is no longer in the file still decrypts until the process ends: a workflow that was encrypted with it
    would fail.
    """

    def __init__(self, path: Path) -> None:
        """Read the file. Raises `PermanentError` if it has no keys, or something else."""
        self.path = path
        self._version = self._get_version()
        self._keys = read_keys(path)

    def read(self) -> Keys:
        """Return all keys that are known now: as they were, if the file cannot be read."""
        version = self._get_version()
        if version != self._version:
            self._version = version
            self._read_again()
        return self._keys

    def _get_version(self) -> tuple[int, ...]:
        try:
            status = self.path.stat()
        except OSError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_size

    def _read_again(self) -> None:
        try:
            new = read_keys(self.path)
        except PermanentError as error:
            log.warning("The encryption keys stay as they are: %s", error)
            return
        # The new ones give the order, of which the first encrypts, and go before former ones of the same id.
        self._keys = Keys({**new.by_id, **self._keys.by_id, **new.by_id})
        log.info("Encrypting with the key %s.", new.first[0])


def read_keys(path: Path) -> Keys:
    """Return the keys of a file, `ID: KEY` on each line. Raises `PermanentError`.

    Empty lines, and those that begin with `#`, count for nothing. A key is 32 bytes in base64.
    """
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        raise _error(path, "cannot be read as text by this process") from None
    by_id: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            key_id, key = _parse_line(path, number, line)
            if key_id in by_id:
                raise _error(path, f"has two keys {key_id}, the second one on line {number}")
            by_id[key_id] = key
    if not by_id:
        raise _error(path, "has no key")
    return Keys(by_id)


def _parse_line(path: Path, number: int, line: str) -> tuple[str, bytes]:
    match = LINE_PATTERN.fullmatch(line)
    try:
        key = base64.b64decode(match["key"], validate=True) if match else b""
    except binascii.Error:
        key = b""
    if match is None or len(match["id"]) > MAX_ID_CHARS or len(key) != KEY_BYTES:
        raise _error(
            path,
            f"must have an id, a colon and {KEY_BYTES} bytes in base64 on line {number}"
            f" (`openssl rand -base64 {KEY_BYTES}` makes them)",
        )
    return match["id"], key


def _error(path: Path, what: str) -> PermanentError:
    return PermanentError(
        f"The file {path} of FABRIC_SYNC_ENCRYPTION_KEYS_FILE {what}: correct it."
    )
