"""One custom resource, whichever side it was read from.

A manifest in Git and an item of an API list become the same value: what the operator wrote, without
status, without what the API server keeps for itself.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from fabrics.resources.json_types import Json
from fabrics.resources.kinds import (
    Kind,
    find_kind,
    get_kind,
    is_made_by_controller,
    normalize_namespace,
)
from fabrics.resources.normalize import Content, digest_json, normalize_desired, normalize_live

DEFAULT_NAMESPACE = "default"


class ResourceKey(NamedTuple):
    """What names an object in one fabric, on either side."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name}/{self.namespace}/{self.name}"


INSTALLER_DEFAULT_KEYS = frozenset(
    {ResourceKey(get_kind("IPv4Namespace"), DEFAULT_NAMESPACE, "default")}
)
"""Objects outside the wiring group that every installation brings along with its wiring."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where in Git an object is written: file, document number (from 1) and line (from 1)."""

    path: str
    document_number: int
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A custom resource: its identity and what it asks for. `spec` is plain JSON; never change it.

    `form` is a digest of key and normal form: objects that share it do not differ. `source` is set
    for objects read from Git, `uid` and `resource_version` for live ones. `made_by_controller` tells that a
    controller made the object.
    """

    key: ResourceKey
    content: Content
    digest: str
    namespace: str
    source: SourceLocation | None = None
    uid: str = ""
    resource_version: str = ""
    made_by_controller: bool = False

    @property
    def kind(self) -> Kind:
        return self.key.kind

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def spec(self) -> Mapping[str, Json]:
        return self.content.spec

    @property
    def labels(self) -> Mapping[str, str]:
        return self.content.labels

    @property
    def annotations(self) -> Mapping[str, str]:
        return self.content.annotations


def resource_from_git(
    kind: Kind, namespace: str, name: str, content: Content, source: SourceLocation
) -> Resource:
    """The resource that a manifest states."""
    key = ResourceKey(kind, normalize_namespace(kind, namespace), name)
    return Resource(
        key=key,
        content=content,
        digest=digest_json([str(key), normalize_desired(kind, content)]),
        namespace=namespace,
        source=source,
        made_by_controller=is_made_by_controller(kind, name),
    )


def resource_from_api(item: Mapping[str, Any], kind: Kind | None = None) -> Resource:
    """The resource in one item of a Kubernetes API answer.

    Items of typed lists carry neither `kind` nor `apiVersion`: pass the kind that was listed.
    Raises `ValueError` for an item that is no object of a compared kind.
    """
    found = kind or _find_item_kind(item)
    metadata = _get_mapping(item, "metadata", found)
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"The Kubernetes API gave a {found.name} without a name.")
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    content = Content(
        spec=_get_mapping(item, "spec", found),
        labels=_get_mapping(metadata, "labels", found),
        annotations=_get_mapping(metadata, "annotations", found),
    )
    key = ResourceKey(found, normalize_namespace(found, namespace), name)
    return Resource(
        key=key,
        content=content,
        digest=digest_json([str(key), normalize_live(found, content)]),
        namespace=namespace,
        uid=metadata.get("uid") or "",
        resource_version=metadata.get("resourceVersion") or "",
        made_by_controller=bool(metadata.get("ownerReferences"))
        or is_made_by_controller(found, name),
    )


def digest_resources(resources: Iterable[Resource]) -> str:
    """A digest of what is compared of these resources: equal exactly when nothing changed."""
    forms = "".join(sorted(each.digest for each in resources))
    return hashlib.blake2b(forms.encode(), digest_size=16).hexdigest()


def _find_item_kind(item: Mapping[str, Any]) -> Kind:
    api_version, name = str(item.get("apiVersion")), str(item.get("kind"))
    kind = find_kind(api_version.rpartition("/")[0], name)
    if kind is None:
        raise ValueError(f"{name} of {api_version} is not a kind that is compared.")
    return kind


def _get_mapping(parent: Mapping[str, Any], field: str, kind: Kind) -> dict[str, Any]:
    value = parent.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"The Kubernetes API gave a {kind.name} whose {field} is not an object.")
    return value
