"""Texts of others contain nothing that a terminal or Markdown would act on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.texts import JOINERS, escape_markdown, replace_unprintable


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


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("![](http://x)", r"\!\[\](http://x)"),
        ("[renew](https://evil.example)", r"\[renew\](https://evil.example)"),
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("a | b", r"a \| b"),
        ("`code` *strong* _weak_", r"\`code\` \*strong\* \_weak\_"),
        ("# a\n- b", r"\# a?- b"),
        (r"\![", r"\\\!\["),
        ("&lt; ~~", "&amp;lt; &#126;&#126;"),
        ("leaf-01 E1/5 (10.0.0.0/24)", "leaf-01 E1/5 (10.0.0.0/24)"),
    ],
)
def test_markdown_of_others_is_plain_text(text: str, escaped: str) -> None:
    assert escape_markdown(text) == escaped


@given(st.text())
def test_escaped_text_is_one_line_that_starts_no_markup(text: str) -> None:
    escaped = escape_markdown(text)
    assert escaped.isprintable() or set(JOINERS) & set(escaped)
    assert "<" not in escaped
    without_escapes = re.sub(r"\\[\\`*_{}\[\]#!|]|&(lt|gt|amp|#126);", "", escaped)
    assert not set(without_escapes) & set("\\`*_{}[]#!|<>~")
