"""The text of a file, from untrusted bytes."""

import re

# Not allowed by YAML 1.1 (section 5.1): the C parser would fail on these without a line number.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


class UnreadableError(Exception):
    """The rest of a file cannot be read. `line` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line
        self.sentence = sentence


def decode_text(data: bytes, max_bytes: int) -> str:
    """Return the text of a file. Raises `UnreadableError`."""
    if len(data) > max_bytes:
        raise UnreadableError(
            1, f"larger than {max_bytes // 1024} KiB ({len(data) // 1024} KiB); split it."
        )
    if b"\0" in data:
        raise UnreadableError(1, "a binary file, not YAML; remove it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(line, "not UTF-8 text; save the file as UTF-8.") from error
    if match := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, match.start()) + 1
        raise UnreadableError(line, f"contains the control character {match[0]!r}; remove it.")
    return text
