"""YAML documents as Kubernetes reads them, from untrusted bytes.

PyYAML reads other values than Kubernetes does: it takes `65000:10` and many MAC addresses for
base-60 numbers and dates for timestamps, and silently keeps the last of two equal keys.
Kubernetes (go-yaml v2 behind sigs.k8s.io/yaml) reads text there, takes `y` and `on` for true, and
turns keys into text. So PyYAML's C parser only builds the nodes; this module resolves their values.

Size, number of documents, depth, number of values and their text are limited while a file is read;
what aliases repeat counts each time.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from fabrics.resources.json_types import Json
from fabrics.resources.manifests.scalars import NON_TEXT_FIRST_CHARS, resolve_plain_scalar
from fabrics.resources.manifests.text import UnreadableError, decode_text


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits for one file; the defaults hold a fabric of 20,000 objects."""

    size_bytes: int = 16 * 1024 * 1024  # also the characters of all values
    documents: int = 20_000
    depth: int = 64  # nested mappings and lists; the deepest custom resource needs 12
    nodes: int = 500_000  # values, also those that aliases repeat; an object has about 25


DEFAULT_LIMITS = Limits()

_MAX_PROBLEMS_PER_DOCUMENT = 50  # whoever corrects these sees the next
_MAX_QUOTED = 80  # of a key, a value or a tag in a sentence


@dataclass(frozen=True, slots=True)
class DocumentProblem:
    """A mistake in one document of a file. `line` counts from 1."""

    line: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document as a JSON value; its first line counts from 1.

    `item_lines` are the first lines of the entries under a top-level `items`. `values` counts all values.
    """

    line: int
    value: Json
    problems: tuple[DocumentProblem, ...] = ()
    item_lines: tuple[int, ...] = ()
    values: int = 0


def parse_documents(data: bytes, limits: Limits = DEFAULT_LIMITS) -> Iterator[Document]:
    """Yield the documents of a file; raises `UnreadableError` where reading must end."""
    loader = _Loader(decode_text(data, limits.size_bytes), limits)
    try:
        number = 0
        while loader.check_node():
            number += 1
            if number > limits.documents:
                raise UnreadableError(
                    loader.line, f"more than {limits.documents} documents in one file; split it."
                )
            node: Any = loader.get_node()
            loader.line = _get_line_number(node)
            builder = _ValueBuilder(loader)
            earlier = loader.built_nodes
            value = builder.build(node, 0)
            yield Document(
                loader.line,
                value,
                tuple(builder.problems),
                _get_item_lines(node),
                loader.built_nodes - earlier,
            )
    except yaml.YAMLError as error:
        raise UnreadableError(*_locate_syntax_error(error)) from error
    finally:
        loader.dispose()


def _locate_syntax_error(error: yaml.YAMLError) -> tuple[int, str]:
    if not isinstance(error, yaml.MarkedYAMLError):
        return 1, f"not valid YAML: {error}"
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    parts = (error.context, error.problem)
    return line, "not valid YAML: " + " ".join(part for part in parts if part) + "."


def _get_line_number(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _get_item_lines(node: yaml.Node) -> tuple[int, ...]:
    for key, value in node.value if _is_mapping(node) else ():
        if key.value == "items" and _is_list(value):
            return tuple(map(_get_line_number, value.value))
    return ()


# A tag alone does not tell: people may write `!!map` before text.
def _is_mapping(node: yaml.Node) -> bool:
    return node.tag == _MAP_TAG and isinstance(node, yaml.MappingNode)


def _is_list(node: yaml.Node) -> bool:
    return node.tag == _SEQ_TAG and isinstance(node, yaml.SequenceNode)


_PLAIN_TAG = "plain"  # a tag of this module: an unquoted scalar whose type depends on its text
_UNRESOLVED_FIRST_CHARS = NON_TEXT_FIRST_CHARS | {"", "<"}  # `<` because of merge keys, `<<`
_TAG_PREFIX = "tag:yaml.org,2002:"
_STR_TAG, _MAP_TAG, _SEQ_TAG = _TAG_PREFIX + "str", _TAG_PREFIX + "map", _TAG_PREFIX + "seq"


class _Loader(yaml.CSafeLoader):
    """PyYAML's C parser, with limits on nodes and without its resolution of values."""

    def __init__(self, text: str, limits: Limits) -> None:
        super().__init__(text)
        self.limits = limits
        self.composed_nodes = 0
        self.built_nodes = 0
        self.built_chars = 0
        self.depth = 0
        self.line = 1

    # The parser calls these three methods for each node.
    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:
        self.depth += 1
        self.composed_nodes += 1
        if self.composed_nodes > self.limits.nodes or self.depth > self.limits.depth:
            if parent is not None:
                self.line = _get_line_number(parent)
            self.raise_limit_error(self.line, self.depth)

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type, value: str | None, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            unresolved = implicit[0] and (value or "")[:1] in _UNRESOLVED_FIRST_CHARS
            return _PLAIN_TAG if unresolved else _STR_TAG
        return _MAP_TAG if kind is yaml.MappingNode else _SEQ_TAG

    def raise_limit_error(self, line: int, depth: int) -> None:
        if depth > self.limits.depth:
            raise UnreadableError(
                line, f"nested deeper than {self.limits.depth} levels, or an alias inside itself."
            )
        raise UnreadableError(
            line, f"more than {self.limits.nodes} values in one file, aliases counted; split it."
        )


class _ValueBuilder:
    """Builds the JSON value of a document and collects its problems."""

    def __init__(self, loader: _Loader) -> None:
        self.loader = loader
        self.problems: list[DocumentProblem] = []

    def build(self, node: yaml.Node, depth: int) -> Json:
        tag = node.tag
        if tag == _STR_TAG:
            return self.read_text(node)
        if tag == _PLAIN_TAG:
            return self.build_plain_scalar(node)
        if _is_mapping(node):
            return self.build_mapping(node, depth + 1)
        if _is_list(node):
            self.check_limits(node, depth + 1)
            return [self.build(child, depth + 1) for child in node.value]
        return self.build_tagged(node)

    def read_text(self, node: yaml.Node) -> str:
        loader, text = self.loader, node.value
        if not isinstance(text, str):  # `!!str` before a mapping or list
            self.add_problem(node, "a mapping or list cannot be text.")
            return ""
        loader.built_chars += len(text)
        if loader.built_chars > loader.limits.size_bytes:
            size = loader.limits.size_bytes // 1024
            raise UnreadableError(
                _get_line_number(node), f"more than {size} KiB of text, aliases counted; split it."
            )
        return text

    def check_limits(self, node: yaml.Node, depth: int) -> None:
        loader = self.loader
        loader.built_nodes += len(node.value)
        if loader.built_nodes > loader.limits.nodes or depth > loader.limits.depth:
            loader.raise_limit_error(_get_line_number(node), depth)

    def build_mapping(self, node: yaml.Node, depth: int) -> dict[str, Json]:
        self.check_limits(node, depth)
        result: dict[str, Json] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            key = self.read_text(key_node) if key_node.tag == _STR_TAG else self.build_key(key_node)
            if key == "<<" and key_node.tag == _PLAIN_TAG:
                merged.append(value_node)
            elif key in result:
                first = key[:_MAX_QUOTED]
                self.add_problem(
                    key_node, f"the key {first!r} appears twice in one mapping; keep one."
                )
                result[key] = None
            else:
                result[key] = self.build(value_node, depth)
        for value_node in merged:
            self.apply_merge_key(result, value_node, depth)
        return result

    def build_key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.add_problem(node, "a mapping or list cannot be a key.")
            return ""
        value = self.build(node, 0)
        if isinstance(value, str):
            return value
        if value is None:
            self.add_problem(node, "a key is empty; name it.")
        return str(value).lower() if isinstance(value, bool) else str(value)

    def apply_merge_key(self, result: dict[str, Json], node: yaml.Node, depth: int) -> None:
        """Add the keys of `<<: *anchor` that the mapping lacks. Earlier sources win."""
        for source in node.value if _is_list(node) else [node]:
            if not _is_mapping(source):
                self.add_problem(source, "'<<' needs a mapping or a list of mappings.")
                continue
            for key, value in self.build_mapping(source, depth + 1).items():
                result.setdefault(key, value)

    def build_plain_scalar(self, node: yaml.Node) -> Json:
        value = resolve_plain_scalar(text := self.read_text(node))
        if isinstance(value, float) and not math.isfinite(value):
            self.add_problem(node, f"{text[:_MAX_QUOTED]} is not a number that JSON can represent.")
            return None
        return value

    def build_tagged(self, node: yaml.Node) -> Json:
        tag = node.tag[:_MAX_QUOTED].replace(_TAG_PREFIX, "!!")
        if tag in _SCALAR_TAGS and isinstance(node, yaml.ScalarNode):
            value = resolve_plain_scalar(text := self.read_text(node))
            if isinstance(value, _SCALAR_TAGS[tag]):
                return value
            if tag == "!!timestamp":
                return text
        self.add_problem(node, f"the tag {tag!r} is not supported here; remove it.")
        return None

    def add_problem(self, node: yaml.Node, sentence: str) -> None:
        problem = DocumentProblem(_get_line_number(node), sentence)
        if problem not in self.problems and len(self.problems) < _MAX_PROBLEMS_PER_DOCUMENT:
            self.problems.append(problem)


_SCALAR_TAGS: dict[str, type | tuple[type, ...]] = {
    "!!null": type(None),
    "!!bool": bool,
    "!!int": int,
    "!!float": (int, float),
    "!!timestamp": (),
}
