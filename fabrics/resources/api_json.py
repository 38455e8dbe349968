"""JSON from a Kubernetes API, decoded into types and bounded.

Any server may be named as an API, and JSON takes up to forty times its size once it is decoded. So sizes are checked
before that, and errors repeat nothing of what was sent.
"""

import sys
from collections.abc import Iterator
from itertools import accumulate
from typing import Annotated, Final, NamedTuple

import msgspec

MAX_TOKEN_CHARS: Final = 4096
"""Characters of a continue token; real ones have a few hundred."""


class Limits(NamedTuple):
    """The largest size of a document: bytes, and commas, braces and brackets.

    Each of the latter takes up to 200 bytes of memory, 64 where a list is only split into its items.
    """

    size: int
    values: int


LIST_LIMITS: Final = Limits(sys.maxsize, 3_000_000)
"""190 MB while a list is split; a list of 32 MB, the largest that is read, has fewer in reality."""

OBJECT_LIMITS: Final = Limits(2 * 1024 * 1024, 100_000)
"""20 MB; etcd takes no object above 1.5 MB (its `--max-request-bytes`)."""

PARTIAL_LIMITS: Final = OBJECT_LIMITS._replace(values=sys.maxsize)
"""For an object of which only a few fields are decoded."""


class TooLargeError(Exception):
    """The API sent more than any fabric has."""


class ListMetadata(msgspec.Struct, rename={"token": "continue"}):
    """The metadata of one page of a list."""

    token: Annotated[str, msgspec.Meta(max_length=MAX_TOKEN_CHARS)] | None = None

    @property
    def continue_token(self) -> str:
        """The token of the next page; empty on the last one."""
        return self.token or ""


class ApiDecoder[T]:
    """Decodes documents of one type; `what` completes "This is not ..."."""

    def __init__(self, document: type[T], what: str, limits: Limits) -> None:
        self._decoder = msgspec.json.Decoder(document)
        self._what = what
        self._limits = limits

    def decode(self, data: bytes | msgspec.Raw) -> T:
        """Decode a document.

        Raises `ValueError`, without any of its content, for another type, and `TooLargeError`.
        """
        if _exceeds(data, self._limits):
            raise TooLargeError
        try:
            return self._decoder.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ValueError(f"This is not {self._what}.") from None


def _exceeds(data: bytes | msgspec.Raw, limits: Limits) -> bool:
    size = memoryview(data).nbytes
    if size > limits.size or size <= limits.values:  # as nearly all are
        return size > limits.size
    counts = accumulate(map(bytes(data).count, b",{["))
    return any(count > limits.values for count in counts)


def iterate_values(value: object) -> Iterator[object]:
    """Yield a decoded JSON value, and all keys and values in it."""
    values = [value]
    while values:
        current = values.pop()
        yield current
        if isinstance(current, dict):
            values.extend(current.keys())
            values.extend(current.values())
        elif isinstance(current, list | tuple):
            values.extend(current)


def estimate_memory(value: object) -> int:
    """Return about how many bytes of memory a decoded JSON value takes."""
    return sum(map(sys.getsizeof, iterate_values(value)))
