"""Texts of others contain nothing that a terminal would act on."""

import pytest

from fabrics.texts import replace_unprintable


@pytest.mark.parametrize(
    ("text", "line"), [("Zürich", "Zürich"), ("a\nb", "a?b"), ("\x1b[31m", "?[31m"), ("", "")]
)
def test_unprintable_characters_are_replaced(text: str, line: str) -> None:
    assert replace_unprintable(text) == line
    assert replace_unprintable(text, " ") == line.replace("?", " ")
