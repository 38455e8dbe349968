"""Texts of others contain nothing that a terminal would act on."""

import pytest

from fabrics.texts import replace_unprintable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Zürich", "Zürich"),
        ("a\nb\u2028c", "a?b?c"),
        ("\x1b[31m", "?[31m"),
        ("a\u202eb", "a?b"),
        ("", ""),
    ],
)
def test_unprintable_characters_are_replaced(text: str, line: str) -> None:
    assert replace_unprintable(text) == line
    assert replace_unprintable(text, " ") == line.replace("?", " ")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("DC\u00a0Berlin", "DC Berlin"),
        ("東京\u3000二", "東京 二"),
        ("क्\u200cष\n", "क्\u200cष?"),
        ("\U0001f469\u200d\U0001f527\n", "\U0001f469\u200d\U0001f527?"),
    ],
)
def test_names_in_all_languages_stay_readable(name: str, line: str) -> None:
    assert replace_unprintable(name) == line
