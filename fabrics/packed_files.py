"""Files as one short text for messages that Temporal keeps."""

import json
import lzma
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Final

MAX_PACKED_CHARS: Final = 56_000
"""With the configuration beside it, which takes up to 6 KB, below the limit of 64 KB for a Temporal payload. Manifests
shrink to some 2 %."""

MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024
MAX_MEMORY_BYTES: Final = 64 * 1024 * 1024
"""For the decompressor itself, which needs 9 MB for what `pack_files` returns."""


class PackingError(Exception):
    """Files that do not fit, or a text that has none; the text is a sentence."""


def pack_files(files: Mapping[str, bytes]) -> str:
    """Return files as one text. Raises `PackingError` if that would be too long."""
    # Bytes that are no UTF-8 are kept as they are: whoever reads the file says so.
    texts = {path: data.decode(errors="surrogateescape") for path, data in files.items()}
    packed = b64encode(lzma.compress(json.dumps(texts).encode())).decode()
    if len(packed) > MAX_PACKED_CHARS:
        raise PackingError(
            f"They take {len(packed) // 1000} KB when compressed, more than the"
            f" {MAX_PACKED_CHARS // 1000} KB that a message may have."
        )
    return packed


def unpack_files(packed: str) -> dict[str, bytes]:
    """Return the files in a text of `pack_files`. Raises `PackingError`."""
    decompressor = lzma.LZMADecompressor(memlimit=MAX_MEMORY_BYTES)
    try:
        data = decompressor.decompress(b64decode(packed), MAX_UNPACKED_BYTES)
        if len(data) == MAX_UNPACKED_BYTES and not decompressor.eof:
            raise PackingError(f"The packed files take more than {MAX_UNPACKED_BYTES >> 20} MB.")
        texts: dict[str, str] = json.loads(data)
        return {path: text.encode(errors="surrogateescape") for path, text in texts.items()}
    except (lzma.LZMAError, ValueError, AttributeError, RecursionError):
        raise PackingError("The message holds no packed files.") from None
