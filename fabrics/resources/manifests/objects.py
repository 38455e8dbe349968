"""Objects in manifests: which are compared, and which Kubernetes would refuse.

An object of a kind that this version does not know is read too; only the API can tell whether the
kind exists.
"""

import re
from collections.abc import Iterable
from reprlib import Repr

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import (
    ALL_COMPARED_KINDS,
    KINDS_BY_NAME,
    NEVER_COMPARED_GROUPS,
    Kind,
    find_kind,
    find_kinds_in_group,
    find_unknown_kind,
    is_hedgehog_group,
    is_not_compared,
)
from fabrics.resources.normalize import Content
from fabrics.resources.resource import (
    DEFAULT_NAMESPACE,
    Resource,
    SourceLocation,
    resource_from_git,
)


class InvalidObjectError(Exception):
    """An object that Kubernetes would refuse, and the kinds that it may belong to."""

    def __init__(self, sentence: str, incomplete_kinds: Iterable[Kind]) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.incomplete_kinds = frozenset(incomplete_kinds)


def parse_object(item: dict[str, Json], source: SourceLocation) -> Resource | None:
    """Return the resource that an object defines; None if its kind is not compared.

    Raises `InvalidObjectError` for an object to compare that Kubernetes would refuse.
    """
    possible = find_possible_kinds(item)
    if not possible:
        return None
    kind = _resolve_kind(item, possible)
    metadata = _get_mapping(item, "metadata", f"a {kind.name}", kind)
    name = _get_name(metadata, "name", kind)
    has_namespace = metadata.get("namespace") not in (None, "")
    namespace = _get_name(metadata, "namespace", kind) if has_namespace else DEFAULT_NAMESPACE
    content = Content(
        spec=_get_mapping(item, "spec", f"{kind.name} {name}", kind),
        labels=_get_string_map(metadata, "labels", f"{kind.name} {name}", kind),
        annotations=_get_string_map(metadata, "annotations", f"{kind.name} {name}", kind),
    )
    return resource_from_git(kind, namespace, name, content, source)


def find_possible_kinds(item: dict[str, Json]) -> frozenset[Kind]:
    """Return the compared kinds that an object may belong to, as far as one can tell."""
    group, name = _get_group(item), str(item.get("kind"))
    if kind := find_kind(group, name) or find_unknown_kind(group, item.get("kind")):
        return frozenset({kind})
    if is_not_compared(group, name) or group in NEVER_COMPARED_GROUPS:
        return frozenset()
    if is_hedgehog_group(group):
        return find_kinds_in_group(group) or ALL_COMPARED_KINDS
    if group or "apiVersion" in item:
        return frozenset()
    if "kind" not in item and "metadata" in item and "spec" in item:
        return ALL_COMPARED_KINDS  # its first lines may be lost
    return frozenset(kind for kind in KINDS_BY_NAME.values() if kind.name == name)


def _get_group(item: dict[str, Json]) -> str:
    """Return the API group of an object; "" for the core group or a missing one."""
    return str(item.get("apiVersion") or "").rpartition("/")[0]


def _resolve_kind(item: dict[str, Json], possible: frozenset[Kind]) -> Kind:
    api_version, name = item.get("apiVersion"), item.get("kind")
    kind = find_kind(_get_group(item), str(name)) or find_unknown_kind(_get_group(item), name)
    if api_version is None or name is None:
        missing = " and ".join(field for field in ("apiVersion", "kind") if item.get(field) is None)
        raise InvalidObjectError(f"an object without {missing}; add it.", possible)
    if kind is None:
        raise InvalidObjectError(
            f"kind {_shorten_repr(name)} with apiVersion {_shorten_repr(api_version)} is not a"
            " known Hedgehog kind; correct it, or update Fabric Sync if your release has this kind.",
            possible,
        )
    if kind.is_known and api_version != kind.api_version:
        raise InvalidObjectError(
            f"a {kind.name} with apiVersion {_shorten_repr(api_version)}, but it is served as"
            f" {kind.api_version}; correct it.",
            possible,
        )
    return kind


_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def _get_name(metadata: dict[str, Json], field: str, kind: Kind) -> str:
    value = metadata.get(field)
    if value in (None, ""):
        raise InvalidObjectError(f"a {kind.name} without metadata.{field}; add it.", {kind})
    if not isinstance(value, str):
        raise InvalidObjectError(
            f"metadata.{field} of a {kind.name} is {_shorten_repr(value)}, not text; quote it.",
            {kind},
        )
    if len(value) > 253 or not _NAME.fullmatch(value):
        raise InvalidObjectError(
            f"metadata.{field} of a {kind.name} is {_shorten_repr(value)}, not a Kubernetes name.",
            {kind},
        )
    return value


def _get_mapping(parent: dict[str, Json], field: str, subject: str, kind: Kind) -> dict[str, Json]:
    value = parent.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidObjectError(f"{field} of {subject} is not a mapping.", {kind})
    return value


def _get_string_map(
    metadata: dict[str, Json], field: str, subject: str, kind: Kind
) -> dict[str, str]:
    texts: dict[str, str] = {}
    for key, value in _get_mapping(metadata, field, subject, kind).items():
        if value is not None and not isinstance(value, str):
            raise InvalidObjectError(
                f"{field} of {subject}: the value of {_shorten_repr(key)} is not text; quote it.",
                {kind},
            )
        texts[key] = value or ""
    return texts


_SHORT_REPR = Repr(maxlevel=2, maxstring=80)  # of a huge value only the ends are read


def _shorten_repr(value: Json) -> str:
    """Return a value as text that is printable and at most 80 characters long."""
    text = _SHORT_REPR.repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
