"""The file of encryption keys: what it may hold, and how it changes."""

import base64
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from activities.errors import PermanentError
from codec.keys import KEY_BYTES, KeyFile, read_keys

OLD, NEW, OTHER = (base64.b64encode(bytes([number]) * KEY_BYTES).decode() for number in range(3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the key `old`."""
    path = tmp_path / "keys"
    path.write_text(f"old: {OLD}\n")
    return path


def replace_file(path: Path, text: str) -> None:
    """Put a new file in the place of another, as operators and Kubernetes do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def test_first_key_encrypts_and_comments_do_not_count(path: Path) -> None:
    path.write_text(f" # since May\n \n  2026-11 : {NEW}\r\nold:{OLD}")
    keys = read_keys(path)
    assert keys.first == ("2026-11", base64.b64decode(NEW))
    assert list(keys.by_id) == ["2026-11", "old"]
    assert NEW not in repr(keys)
    assert repr(base64.b64decode(NEW)) not in repr(keys)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no key"),
        ("# old: none\n", "has no key"),
        (f"old: {OLD}\n{OLD}\n", "on line 2"),
        (f"old {OLD}\n", "on line 1"),
        ("old: QUJD\n", "32 bytes in base64 on line 1"),
        (f"old: {OLD}=\n", "32 bytes in base64 on line 1"),
        (f"old: {OLD[:-3]}\n", "32 bytes in base64 on line 1"),
        (f"o/d: {OLD}\n", "on line 1"),
        (f"{'o' * 65}: {OLD}\n", "on line 1"),
        (f"ö: {OLD}\n", "on line 1"),
        (f"old: {OLD}\nold: {NEW}\n", "has two keys old, the second one on line 2"),
    ],
)
def test_unusable_file_is_named_but_not_quoted(path: Path, text: str, problem: str) -> None:
    path.write_text(text)
    with pytest.raises(PermanentError, match=f"{path} .*{problem}") as caught:
        KeyFile(path)
    assert OLD[:20] not in str(caught.value)


def test_file_that_cannot_be_read_is_named(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    for unreadable in (path, path.parent, path.parent / "absent"):
        with pytest.raises(PermanentError, match=f"{unreadable} .* cannot be read as text"):
            KeyFile(unreadable)


def test_new_key_counts_at_once_and_former_ones_still_decrypt(path: Path) -> None:
    file = KeyFile(path)
    replace_file(path, f"new: {NEW}\nold: {OLD}\n")
    assert list(file.read().by_id) == ["new", "old"]
    replace_file(path, f"other: {OTHER}\n")
    assert file.read().first == ("other", base64.b64decode(OTHER))
    assert set(file.read().by_id) == {"new", "old", "other"}
    replace_file(path, f"old: {OLD}\nnew: {NEW}\n")
    assert file.read().first == ("old", base64.b64decode(OLD))


def test_changed_key_of_an_id_replaces_the_former(path: Path) -> None:
    file = KeyFile(path)
    replace_file(path, f"old: {NEW}\n")
    assert file.read().by_id == {"old": base64.b64decode(NEW)}


def test_keys_stay_as_they_are_while_the_file_is_unusable(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    file = KeyFile(path)
    expected = file.read()
    damages: tuple[Callable[[], object], ...] = (
        lambda: replace_file(path, f"new: {NEW[:-5]}"),
        path.unlink,
    )
    for damage in damages:
        damage()
        caplog.clear()
        assert file.read() == expected
        assert file.read() == expected
        [message] = caplog.messages  # once, not at each payload
        assert "stay as they are" in message
        assert str(path) in message
    replace_file(path, f"new: {NEW}")
    assert file.read().first[0] == "new"
    assert caplog.messages[-1] == "Encrypting with the key new."
    assert NEW not in caplog.text
