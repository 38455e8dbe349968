"""What Git asks for: manifest files in, the desired resources and the problems in them out.

One bad file must not hide the rest, and must not make anything look deleted either. So each file
tells, besides its resources, which kinds it may have said more about (`tainted`); nothing of those
kinds can be called missing or extra.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import ALL_KINDS, KINDS, KINDS_BY_NAME, Kind
from fabrics.resources.manifests.documents import (
    DEFAULT_LIMITS,
    Document,
    Limits,
    UnreadableError,
    read_documents,
)
from fabrics.resources.manifests.objects import RefusedError, possible_kinds, read_object
from fabrics.resources.resource import Key, Resource, Source


@dataclass(frozen=True, slots=True, order=True)
class Problem:
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
    problems: tuple[Problem, ...] = ()
    tainted: frozenset[Kind] = frozenset()


@dataclass(frozen=True, slots=True)
class Desired:
    """The desired state of a fabric: what its files say together.

    `contested` are the objects that several places define: none of them is taken.
    """

    resources: Mapping[Key, Resource]
    problems: tuple[Problem, ...] = ()
    tainted: frozenset[Kind] = frozenset()
    contested: frozenset[Key] = frozenset()


def manifest_paths(paths: Iterable[str]) -> tuple[str, ...]:
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
        if path.endswith((".yaml", ".yml")) and not _is_passed_over(parts, managed)
    )


def _is_passed_over(folder: tuple[str, ...], managed: set[tuple[str, ...]]) -> bool:
    return any(
        name.startswith(".") or name == "unmanaged" or (name == "raw" and folder[:depth] in managed)
        for depth, name in enumerate(folder)
    )


def parse_manifests(path: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> ParsedFile:
    """Reads one file, whatever is in it: every mistake becomes a `Problem`, never an exception."""
    reading = _Reading(path)
    try:
        for document in read_documents(data, limits):
            reading.read(document)
    except UnreadableError as error:
        reading.problem(error.line, error.sentence)
        reading.tainted |= _kinds_mentioned(data) if len(data) <= limits.size else ALL_KINDS
    return ParsedFile(
        path, tuple(reading.resources), tuple(reading.problems), frozenset(reading.tainted)
    )


def unread_file(path: str, sentence: str) -> ParsedFile:
    """The result for a file whose content could not be had, such as one too large to fetch."""
    return ParsedFile(path, problems=(Problem(path, 1, sentence),), tainted=ALL_KINDS)


_API_VERSION = re.compile(rb"apiVersion[\"']?\s*:")
_KIND = re.compile(rb"\bkind[\"']?\s*:\s*[\"']?(\w+)")


def _kinds_mentioned(data: bytes) -> frozenset[Kind]:
    """The compared kinds that a broken file seems to hold; all of them when one can't be told."""
    names = [name.decode() for name in _KIND.findall(data)]
    found = frozenset(kind for kind in KINDS if kind.name in names)
    strange = set(names) - KINDS_BY_NAME.keys() - {"List"}
    untold = len(_API_VERSION.findall(data)) > len(names)
    return ALL_KINDS if strange or untold or not found else found


_MAX_PROBLEMS = 50  # of one file; whoever corrects these sees the next


class _Reading:
    """Collects what the documents of one file say."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.resources: list[Resource] = []
        self.problems: list[Problem] = []
        self.tainted: set[Kind] = set()

    def problem(self, line: int, sentence: str, tainted: Iterable[Kind] = ()) -> None:
        self.tainted.update(tainted)
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(Problem(self.path, line, sentence))

    def read(self, document: Document) -> None:
        if document.faults:
            self.read_faulty(document)
            return
        for line, item in _objects(document):
            try:
                resource = read_object(item, Source(self.path, document.number, line))
            except RefusedError as refusal:
                self.problem(line, refusal.sentence, refusal.tainted)
            else:
                if resource:
                    self.resources.append(resource)

    def read_faulty(self, document: Document) -> None:
        """A document with a mistake in it is left out, but counts for the kinds it is about."""
        tainted = {kind for _, item in _objects(document) for kind in possible_kinds(item)}
        if tainted or not _is_foreign(document.value):
            for fault in document.faults:
                self.problem(fault.line, fault.sentence, tainted or ALL_KINDS)


def _is_foreign(value: Json) -> bool:
    """Whether a document says what it is, and what it says is none of ours."""
    if not isinstance(value, dict) or value.get("items", []) is None:
        return False
    stated = isinstance(value.get("apiVersion"), str) and isinstance(value.get("kind"), str)
    return stated and not possible_kinds(value)


def _objects(document: Document) -> Iterator[tuple[int, dict[str, Json]]]:
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


def collect(files: Iterable[ParsedFile]) -> Desired:
    """The desired state that files make together. What is defined twice is taken from nowhere."""
    resources: dict[Key, Resource] = {}
    contested: defaultdict[Key, list[Resource]] = defaultdict(list)
    problems: list[Problem] = []
    tainted: set[Kind] = set()
    for file in sorted(files, key=lambda file: file.path):
        problems.extend(file.problems)
        tainted |= file.tainted
        for resource in file.resources:
            first = resources.setdefault(resource.key, resource)
            if first is not resource:
                contested[resource.key].append(resource)
    for key, others in contested.items():
        problems.extend(_duplicates(resources.pop(key), others))
    return Desired(
        resources=resources,
        problems=tuple(sorted(problems)),
        tainted=frozenset(tainted),
        contested=frozenset(contested),
    )


def _duplicates(first: Resource, others: Iterable[Resource]) -> Iterator[Problem]:
    for other in others:
        if other.source:
            sentence = f"{other.key} is also defined in {first.source}; keep one of them."
            yield Problem(other.source.path, other.source.line, sentence)
