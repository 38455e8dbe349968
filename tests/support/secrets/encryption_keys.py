"""Files with keys that encrypt what Temporal stores."""

import base64
from pathlib import Path

from codec.keys import KEY_BYTES


def write_keys(path: Path, *ids: str) -> Path:
    """Put a file with a key for each id, which is one letter, in the place of `path`."""
    lines = (f"{id_}: {base64.b64encode(id_.encode() * KEY_BYTES).decode()}\n" for id_ in ids)
    new = path.with_suffix(".new")
    new.write_text("".join(lines))
    return new.rename(path)
