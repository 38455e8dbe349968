"""What Git asks for: manifest files in, the desired resources and the problems in them out.

One bad file must not hide the rest, and must not make anything look deleted either. So each file
tells, besides its resources, which kinds it may have said more about (`incomplete_kinds`); nothing of those
kinds can be called missing or extra.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import ALL_COMPARED_KINDS, COMPARED_KINDS, KINDS_BY_NAME, Kind
from fabrics.resources.manifests.documents import (
    DEFAULT_LIMITS,
    Document,
    Limits,
    UnreadableError,
    parse_documents,
)
from fabrics.resources.manifests.objects import (
    InvalidObjectError,
    find_possible_kinds,
    parse_object,
)
from fabrics.resources.resource import Resource, ResourceKey, SourceLocation


@dataclass(frozen=True, slots=True, order=True)
class ManifestProblem:
    """A mistake in a manifest file. `sentence` reads on from `path:line`."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """All that one file says. It depends on path and content alone, so it can be kept per blob."""

    path: str
    resources: tuple[Resource, ...] = ()
    problems: tuple[ManifestProblem, ...] = ()
    incomplete_kinds: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class DesiredState:
    """The desired state of a fabric: what its files say together.

    `duplicate_keys` are the objects that several places define: none of them is taken.
    """

    resources: Mapping[ResourceKey, Resource]
    problems: tuple[ManifestProblem, ...] = ()
    incomplete_kinds: frozenset[Kind] = frozenset()
    duplicate_keys: frozenset[ResourceKey] = frozenset()


def select_manifest_paths(paths: Iterable[str]) -> tuple[str, ...]:
    """Those paths, relative to a fabric's directory, that hold manifests; sorted.

    `*.yaml` and `*.yml` at any depth, except below directories that start with a dot, below
    `unmanaged/`, and below a `raw/` whose sibling `managed/` holds the same objects after intake.
    """
    folders = {path: tuple(path.split("/")[:-1]) for path in paths}
    managed = {
        parts[:depth]
        for parts in folders.values()
        for depth, name in enumerate(parts)
        if name == "managed"
    }
    return tuple(
        path
        for path, parts in sorted(folders.items())
        if path.endswith((".yaml", ".yml")) and not _is_excluded(parts, managed)
    )


def _is_excluded(folder: tuple[str, ...], managed: set[tuple[str, ...]]) -> bool:
    return any(
        name.startswith(".") or name == "unmanaged" or (name == "raw" and folder[:depth] in managed)
        for depth, name in enumerate(folder)
    )


def parse_manifests(path: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> ParsedFile:
    """Reads one file, whatever is in it: every mistake becomes a `Problem`, never an exception."""
    reading = _FileParser(path)
    try:
        for document in parse_documents(data, limits):
            reading.add_document(document)
    except UnreadableError as error:
        reading.add_problem(error.line, error.sentence)
        reading.incomplete_kinds |= (
            _guess_kinds(data) if len(data) <= limits.size_bytes else ALL_COMPARED_KINDS
        )
    return ParsedFile(
        path, tuple(reading.resources), tuple(reading.problems), frozenset(reading.incomplete_kinds)
    )


def unreadable_file(path: str, sentence: str) -> ParsedFile:
    """The result for a file whose content could not be had, such as one too large to fetch."""
    return ParsedFile(
        path, problems=(ManifestProblem(path, 1, sentence),), incomplete_kinds=ALL_COMPARED_KINDS
    )


_API_VERSION = re.compile(rb"apiVersion[\"']?\s*:")
_KIND = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?(\w+)")


def _guess_kinds(data: bytes) -> frozenset[Kind]:
    """The compared kinds that a broken file seems to hold; all of them when one can't be told."""
    names = [name.decode() for name in _KIND.findall(data)]
    found = frozenset(kind for kind in COMPARED_KINDS if kind.name in names)
    strange = set(names) - KINDS_BY_NAME.keys() - {"List"}
    untold = len(_API_VERSION.findall(data)) > len(names)
    return ALL_COMPARED_KINDS if strange or untold or not found else found


_MAX_PROBLEMS_PER_FILE = 50  # of one file; whoever corrects these sees the next


class _FileParser:
    """Collects what the documents of one file say."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.resources: list[Resource] = []
        self.problems: list[ManifestProblem] = []
        self.incomplete_kinds: set[Kind] = set()

    def add_problem(self, line: int, sentence: str, incomplete_kinds: Iterable[Kind] = ()) -> None:
        self.incomplete_kinds.update(incomplete_kinds)
        if len(self.problems) < _MAX_PROBLEMS_PER_FILE:
            self.problems.append(ManifestProblem(self.path, line, sentence))

    def add_document(self, document: Document) -> None:
        if document.problems:
            self.add_invalid_document(document)
            return
        for line, item in _iter_objects(document):
            try:
                resource = parse_object(item, SourceLocation(self.path, document.number, line))
            except InvalidObjectError as refusal:
                self.add_problem(line, refusal.sentence, refusal.incomplete_kinds)
            else:
                if resource:
                    self.resources.append(resource)

    def add_invalid_document(self, document: Document) -> None:
        """A document with a mistake in it is left out, but counts for the kinds it is about."""
        tainted = {
            kind for _, item in _iter_objects(document) for kind in find_possible_kinds(item)
        }
        if tainted or not _is_foreign(document.value):
            for fault in document.problems:
                self.add_problem(fault.line, fault.sentence, tainted or ALL_COMPARED_KINDS)


def _is_foreign(value: Json) -> bool:
    """Whether a document says what it is, and what it says is none of ours."""
    if not isinstance(value, dict) or value.get("items", []) is None:
        return False
    stated = isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str)
    return stated and not find_possible_kinds(value)


def _iter_objects(document: Document) -> Iterator[tuple[int, dict[str, Json]]]:
    """The objects in a document with their lines: itself, or the items of a `List`."""
    value = document.value
    if not isinstance(value, dict):
        return
    kind, items = str(value.get("kind")), value.get("items")
    if not kind.endswith("List") or not isinstance(items, list):
        yield document.line, value
        return
    # Items of a typed list (`VPCList`) need not repeat what the list says.
    typed = kind != "List"
    stated = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    # Items that came through a merge key (`<<`) have no lines of their own.
    lines = document.item_lines or (document.line,) * len(items)
    for line, item in zip(lines, items, strict=False):
        if isinstance(item, dict):
            yield line, stated | item if typed else item


def build_desired_state(files: Iterable[ParsedFile]) -> DesiredState:
    """The desired state that files make together. What is defined twice is taken from nowhere."""
    resources: dict[ResourceKey, Resource] = {}
    contested: defaultdict[ResourceKey, list[Resource]] = defaultdict(list)
    problems: list[ManifestProblem] = []
    tainted: set[Kind] = set()
    for file in sorted(files, key=lambda file: file.path):
        problems.extend(file.problems)
        tainted |= file.incomplete_kinds
        for resource in file.resources:
            first = resources.setdefault(resource.key, resource)
            if first is not resource:
                contested[resource.key].append(resource)
    for key, others in contested.items():
        problems.extend(_report_duplicates(resources.pop(key), others))
    return DesiredState(
        resources=resources,
        problems=tuple(sorted(problems)),
        incomplete_kinds=frozenset(tainted),
        duplicate_keys=frozenset(contested),
    )


def _report_duplicates(first: Resource, others: Iterable[Resource]) -> Iterator[ManifestProblem]:
    for other in others:
        if other.source:
            sentence = f"{other.key} is also defined in {first.source}; keep one of them."
            yield ManifestProblem(other.source.path, other.source.line, sentence)
