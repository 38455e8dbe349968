"""Texts that somebody else wrote."""


def replace_unprintable(text: str, replacement: str = "?") -> str:
    """Return a text whose unprintable characters, such as line breaks, are replaced."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else replacement for char in text)
