"""Parsing never fails: any bytes become resources, problems, or nothing."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fabrics.resources.manifests.documents import Limits
from fabrics.resources.manifests.files import (
    ParsedFile,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
)

TOKENS = (
    *("apiVersion: vpc.githedgehog.com/v1beta1\n", "kind: VPC\n", "kind: List\n", "items:\n"),
    *("metadata: {name: a}\n", "metadata:\n  name: b\n", "spec:\n", "spec: {}\n", "labels: "),
    *("---\n", "...\n", "- ", "  ", "\n", "\t", ": ", "? ", "{", "}", "[", "]", ", ", "#", "%"),
    *("&a ", "*a", "<<: ", "<<: *a\n", "!!str ", "!!int ", "!!binary ", "!x ", "!<tag:y> ", "!"),
    *("'", '"', "|\n", ">\n", "\\", "a", "1", "0x", "1e9", ".nan", "y", "~", "=", "\r", "\x85"),
    *("\ufeff", "\u2028", "é", "\U0001f994", "\x00", "\x1b", '"\\ud800"', "name: a\n"),
)
LIMITS = Limits(size_bytes=2_000, documents=5, depth=10, nodes=200)


def _assert_sane(file: ParsedFile) -> None:
    assert all(problem.line >= 1 and problem.sentence for problem in file.problems)
    assert bool(file.incomplete_kinds) == bool(file.problems)
    state = build_desired_state([file])
    assert len(state.resources) + len(state.duplicate_keys) <= len(file.resources)


@settings(max_examples=1_000)
@given(st.lists(st.sampled_from(TOKENS), max_size=30).map("".join))
@example("kind: List\napiVersion: v1\n<<: {items: [a, {kind: VPC}]}\n")
def test_any_pieces_of_manifests_are_parsed(text: str) -> None:
    _assert_sane(parse_manifests("f.yaml", text.encode()))
    _assert_sane(parse_manifests("f.yaml", text.encode(), LIMITS))


@settings(max_examples=500)
@given(st.binary(max_size=400))
def test_any_bytes_are_parsed(data: bytes) -> None:
    _assert_sane(parse_manifests("f.yaml", data))


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_any_text_is_parsed(text: str) -> None:
    _assert_sane(parse_manifests("f.yaml", text.encode("utf-8", "surrogatepass")))


@given(st.lists(st.text(alphabet="a/.rmw~\n", max_size=12).map(lambda path: path + ".yaml")))
def test_any_paths_are_selected(paths: list[str]) -> None:
    selected = select_manifest_paths(paths)
    assert set(selected) <= set(paths)
    assert list(selected) == sorted(selected)
    assert select_manifest_paths(selected) == selected
