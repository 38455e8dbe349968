"""One object of a manifest: is it ours to compare, and would Kubernetes take it at all?"""

import re
from collections.abc import Iterable

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import (
    ALL_KINDS,
    KINDS_BY_NAME,
    Kind,
    find_kind,
    is_hedgehog,
    is_not_compared,
    kinds_of,
)
from fabrics.resources.normalize import Content
from fabrics.resources.resource import DEFAULT_NAMESPACE, Resource, Source, from_git


class RefusedError(Exception):
    """Why an object can't be taken, and which compared kinds it may be meant for."""

    def __init__(self, sentence: str, tainted: Iterable[Kind]) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.tainted = frozenset(tainted)


def read_object(item: dict[str, Json], source: Source) -> Resource | None:
    """The resource that an object states; None for one that is not for this project to compare.

    Raises `RefusedError` for an object that is, but that Kubernetes would not accept as it stands.
    """
    possible = possible_kinds(item)
    if not possible:
        return None
    kind = _kind(item, possible)
    metadata = _mapping(item, "metadata", f"a {kind.name}", kind)
    name = _name(metadata, "name", kind)
    stated = metadata.get("namespace") not in (None, "")
    namespace = _name(metadata, "namespace", kind) if stated else DEFAULT_NAMESPACE
    content = Content(
        spec=_mapping(item, "spec", f"{kind.name} {name}", kind),
        labels=_texts(metadata, "labels", f"{kind.name} {name}", kind),
        annotations=_texts(metadata, "annotations", f"{kind.name} {name}", kind),
    )
    return from_git(kind, namespace, name, content, source)


def possible_kinds(item: dict[str, Json]) -> frozenset[Kind]:
    """The compared kinds that an object might be meant for, as far as it can be told."""
    group, name = _group(item), str(item.get("kind"))
    if kind := find_kind(group, name):
        return frozenset({kind})
    if is_not_compared(group, name):
        return frozenset()
    if is_hedgehog(group):
        return kinds_of(group) or ALL_KINDS
    if group or "apiVersion" in item:
        return frozenset()
    if "kind" not in item and "metadata" in item and "spec" in item:
        return ALL_KINDS  # an object that lost its head
    return frozenset(kind for kind in KINDS_BY_NAME.values() if kind.name == name)


def _group(item: dict[str, Json]) -> str:
    """The API group that an object states; the core group and a missing one are both empty."""
    return str(item.get("apiVersion") or "").rpartition("/")[0]


def _kind(item: dict[str, Json], possible: frozenset[Kind]) -> Kind:
    api_version, name = item.get("apiVersion"), item.get("kind")
    kind = find_kind(_group(item), str(name))
    if api_version is None or name is None:
        missing = " and ".join(field for field in ("apiVersion", "kind") if item.get(field) is None)
        raise RefusedError(f"an object without {missing}.", possible)
    if kind is None:
        raise RefusedError(
            f"kind {_short(name)} with apiVersion {_short(api_version)} is no known Hedgehog kind; "
            "correct it, or update this software if your release has it.",
            possible,
        )
    if api_version != kind.api_version:
        raise RefusedError(
            f"a {kind.name} of {_short(api_version)}, but it is served as {kind.api_version}.",
            possible,
        )
    return kind


_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def _name(metadata: dict[str, Json], field: str, kind: Kind) -> str:
    value = metadata.get(field)
    if value in (None, ""):
        raise RefusedError(f"a {kind.name} without metadata.{field}.", {kind})
    if not isinstance(value, str):
        raise RefusedError(
            f"metadata.{field} of a {kind.name}, {_short(value)}, is not text; quote it.", {kind}
        )
    if len(value) > 253 or not _NAME.fullmatch(value):
        raise RefusedError(
            f"metadata.{field} of a {kind.name}, {_short(value)}, is not a Kubernetes name.", {kind}
        )
    return value


def _mapping(holder: dict[str, Json], field: str, of: str, kind: Kind) -> dict[str, Json]:
    value = holder.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(f"{field} of {of} is not a mapping.", {kind})
    return value


def _texts(metadata: dict[str, Json], field: str, of: str, kind: Kind) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in _mapping(metadata, field, of, kind).items():
        if value is not None and not isinstance(value, str):
            raise RefusedError(
                f"{field} of {of}: the value of {_short(key)} is not text; quote it.", {kind}
            )
        texts[key] = value or ""
    return texts


def _short(value: Json) -> str:
    """A value as text that is safe and short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
