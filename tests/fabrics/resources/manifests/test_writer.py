"""Manifests that are written are read as they were meant."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import get_kind
from fabrics.resources.manifests.files import parse_manifests
from fabrics.resources.manifests.writer import write_manifest
from fabrics.resources.normalize import Content

KIND = get_kind("Server")
CONFUSING = [
    *("y", "on", "no", "null", "~", "", " ", "1", "1.5", "1e3", "0o7", "0x1F", "1_000", ".inf"),
    *(
        "65000:10",
        "12:30:45",
        "2026-01-01",
        "<<",
        "=",
        "-",
        "- a",
        "a: b",
        "#a",
        "a #b",
        "&a",
        "*a",
    ),
    *("!!str", "%a", "@a", "`a`", '"', "'", "\\", "\t", "a\nb", "\x7f", "\x85", "\u2028", "\u202e"),
    *("é", "\U0001f600", "\ufeff", "{", "[a]", "10.0.1.0/24", "leaf-01/E1/5", "a" * 2_000),
]
TEXTS = st.sampled_from(CONFUSING) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | TEXTS,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(TEXTS, values, max_size=3),
    max_leaves=8,
)


def read(text: str) -> Content:
    parsed = parse_manifests("one.yaml", text.encode())
    assert parsed.problems == ()
    [resource] = parsed.resources
    assert resource.name == "one"
    return resource.content


@pytest.mark.parametrize("text", CONFUSING)
def test_confusing_texts_stay_texts(text: str) -> None:
    content = Content({"description": text, "map": {text or "empty": text}}, {"a": text}, {})
    assert read(write_manifest(KIND, "default", "one", content)) == content


@given(st.dictionaries(TEXTS, VALUES, max_size=4), st.dictionaries(TEXTS, TEXTS, max_size=2))
def test_what_is_written_is_read_again(spec: dict[str, Json], labels: dict[str, str]) -> None:
    content = Content(spec, labels, {})
    assert read(write_manifest(KIND, "default", "one", content)) == content


@given(TEXTS)
def test_lines_are_printable(text: str) -> None:
    written = write_manifest(KIND, "default", "one", Content({"description": text}, {}, {}))
    assert all(line.isprintable() for line in written.split("\n"))


def test_manifest_is_short_where_it_can_be() -> None:
    content = Content({"description": "rack-3"}, {}, {})
    assert write_manifest(KIND, "default", "one", content) == (
        "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: one\n"
        "spec:\n  description: rack-3\n"
    )
    other = write_manifest(KIND, "fab", "one", Content({}, {"team": "blue"}, {}))
    assert "  namespace: fab\n  labels:\n    team: blue\nspec: {}\n" in other
