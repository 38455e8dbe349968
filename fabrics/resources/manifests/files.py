"""Manifest files: the resources that they define, and the problems in them.

One bad file must neither hide the others nor make anything look deleted. So each parsed file lists
the kinds of which it may hold more objects (`incomplete_kinds`); no object of these kinds is called
missing or extra.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import ALL_COMPARED_KINDS, KINDS_BY_NAME, Kind
from fabrics.resources.manifests.documents import (
    DEFAULT_LIMITS,
    Document,
    Limits,
    parse_documents,
)
from fabrics.resources.manifests.objects import (
    InvalidObjectError,
    find_possible_kinds,
    parse_object,
)
from fabrics.resources.manifests.text import UnreadableError
from fabrics.resources.resource import Resource, ResourceKey, SourceLocation, group_by_kind


@dataclass(frozen=True, slots=True, order=True)
class ManifestProblem:
    """A mistake in a manifest file. `sentence` continues after `path:line`."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The content of one file. It depends on path and bytes alone: it can be cached.

    `values` counts the values of all its documents that could be read, aliases repeated.
    """

    path: str
    resources: tuple[Resource, ...] = ()
    problems: tuple[ManifestProblem, ...] = ()
    incomplete_kinds: frozenset[Kind] = frozenset()
    values: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The desired state of a fabric, from all its files.

    `duplicate_keys` are objects that are defined more than once; `resources` has none of them.
    `unknown_kinds` has the objects of kinds that this version does not know.
    """

    resources: Mapping[ResourceKey, Resource]
    problems: tuple[ManifestProblem, ...] = ()
    incomplete_kinds: frozenset[Kind] = frozenset()
    duplicate_keys: frozenset[ResourceKey] = frozenset()
    unknown_kinds: Mapping[Kind, Sequence[Resource]] = field(default_factory=dict)


_MAX_INTAKE_DEPTH = 50  # of folders: deeper ones named `raw` and `managed` are like any others


def select_manifest_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the sorted paths of manifests, relative to a fabric's directory.

    These are `*.yaml` and `*.yml` at any depth, except below directories that start with a dot,
    below `unmanaged/`, and below a `raw/` with a sibling `managed/`, which holds the same objects
    after intake.
    """
    folders = {path: tuple(path.split("/")[:-1]) for path in paths}
    managed = {
        parts[:depth]
        for parts in folders.values()
        for depth, name in enumerate(parts[:_MAX_INTAKE_DEPTH])
        if name == "managed"
    }
    return tuple(
        path
        for path, parts in sorted(folders.items())
        if path.endswith((".yaml", ".yml")) and not _is_excluded(parts, managed)
    )


def _is_excluded(folder: tuple[str, ...], managed: set[tuple[str, ...]]) -> bool:
    return any(name.startswith(".") or name == "unmanaged" for name in folder) or any(
        name == "raw" and folder[:depth] in managed
        for depth, name in enumerate(folder[:_MAX_INTAKE_DEPTH])
    )


def parse_manifests(path: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> ParsedFile:
    """Parse one file; every mistake becomes a `ManifestProblem`, never an exception."""
    parser = _FileParser(path)
    try:
        for document in parse_documents(data, limits):
            parser.add_document(document)
    except UnreadableError as error:
        readable = len(data) <= limits.size_bytes
        kinds = _guess_kinds(data) if readable else ALL_COMPARED_KINDS
        parser.add_problem(error.line, error.sentence, kinds)
    return ParsedFile(
        path,
        tuple(parser.resources),
        tuple(parser.problems),
        frozenset(parser.incomplete_kinds),
        parser.values,
    )


def unreadable_file(path: str, sentence: str) -> ParsedFile:
    """Return the result for a file that was not read, such as one that is too large."""
    problem = ManifestProblem(_shorten_path(path), 1, sentence)
    return ParsedFile(path, problems=(problem,), incomplete_kinds=ALL_COMPARED_KINDS)


_API_VERSION = re.compile(rb"apiVersion[\"']?\s*:")
_KIND = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?(\w+)")


def _guess_kinds(data: bytes) -> frozenset[Kind]:
    """Return the compared kinds that a broken file mentions; all if in doubt."""
    kinds: set[Kind] = set()
    unnamed = sum(1 for _ in _API_VERSION.finditer(data))
    for match in _KIND.finditer(data):
        name = match[1].decode()
        if kind := KINDS_BY_NAME.get(name):
            kinds.add(kind)
        elif name != "List":
            return ALL_COMPARED_KINDS
        unnamed -= 1
    return frozenset(kinds) if kinds and unnamed <= 0 else ALL_COMPARED_KINDS


_MAX_PROBLEMS_PER_FILE = 50  # whoever corrects these sees the next
_MAX_PROBLEMS = 1_000  # of all files of a fabric
_MAX_PATH_CHARS = 500  # Git does not limit paths


def _shorten_path(path: str) -> str:
    """Return a path as problems and objects name it."""
    return path if len(path) <= _MAX_PATH_CHARS else f"{path[:_MAX_PATH_CHARS]}…"


class _FileParser:
    """Collects the resources and problems of the documents in one file."""

    def __init__(self, path: str) -> None:
        self.path = _shorten_path(path)
        self.resources: list[Resource] = []
        self.problems: list[ManifestProblem] = []
        self.incomplete_kinds: set[Kind] = set()
        self.values = 0

    def add_problem(self, line: int, sentence: str, incomplete_kinds: Iterable[Kind]) -> None:
        self.incomplete_kinds.update(incomplete_kinds)
        if len(self.problems) < _MAX_PROBLEMS_PER_FILE:
            self.problems.append(ManifestProblem(self.path, line, sentence))

    def add_document(self, document: Document) -> None:
        self.values += document.values
        if document.problems:
            self.add_invalid_document(document)
            return
        for line, item in _iter_objects(document):
            try:
                resource = parse_object(item, SourceLocation(self.path, line))
            except InvalidObjectError as error:
                self.add_problem(line, error.sentence, error.incomplete_kinds)
            else:
                if resource:
                    self.resources.append(resource)

    def add_invalid_document(self, document: Document) -> None:
        """Leave out a document with mistakes; the kinds it may define are incomplete."""
        kinds = {kind for _, item in _iter_objects(document) for kind in find_possible_kinds(item)}
        if kinds or not _is_foreign(document.value):
            for problem in document.problems:
                self.add_problem(problem.line, problem.sentence, kinds or ALL_COMPARED_KINDS)


def _is_foreign(value: Json) -> bool:
    """True if a document states apiVersion and kind and is not of a compared kind."""
    if not isinstance(value, dict) or value.get("items", []) is None:
        return False
    is_typed = isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str)
    return is_typed and not find_possible_kinds(value)


def _iter_objects(document: Document) -> Iterator[tuple[int, dict[str, Json]]]:
    """Yield line and content of each object: the document itself, or a list's items."""
    value = document.value
    if not isinstance(value, dict):
        return
    kind, items = str(value.get("kind")), value.get("items")
    if not kind.endswith("List") or not isinstance(items, list):
        yield document.line, value
        return
    # Items of a typed list (`VPCList`) need not repeat apiVersion and kind.
    item_type = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    inherited = {} if kind == "List" else item_type
    # Items from a merge key (`<<`) have no lines of their own.
    lines = document.item_lines or (document.line,) * len(items)
    for line, item in zip(lines, items, strict=False):
        if isinstance(item, dict):
            yield line, inherited | item


def build_desired_state(files: Iterable[ParsedFile]) -> DesiredState:
    """Merge files into the desired state, without objects that are defined twice.

    It has the first problems only, since whoever corrects these sees the next.
    """
    resources: dict[ResourceKey, Resource] = {}
    duplicate_keys: set[ResourceKey] = set()
    problems: list[ManifestProblem] = []
    incomplete_kinds: set[Kind] = set()
    for file in sorted(files, key=lambda file: file.path):
        problems.extend(file.problems)
        incomplete_kinds |= file.incomplete_kinds
        for resource in file.resources:
            first = resources.setdefault(resource.key, resource)
            if first is not resource and resource.source:
                duplicate_keys.add(resource.key)
                sentence = f"{resource.key} is also defined in {first.source}; keep one of them."
                location = resource.source
                problems.append(ManifestProblem(location.path, location.line, sentence))
        del problems[_MAX_PROBLEMS:]
    for key in duplicate_keys:
        del resources[key]
    return DesiredState(
        resources={key: resource for key, resource in resources.items() if key.kind.is_known},
        problems=tuple(sorted(problems)),
        incomplete_kinds=frozenset(incomplete_kinds),
        duplicate_keys=frozenset(duplicate_keys),
        unknown_kinds=group_by_kind(
            resource for key, resource in resources.items() if not key.kind.is_known
        ),
    )
