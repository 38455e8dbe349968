"""A custom resource, read from Git or from the Kubernetes API.

A manifest and an item of an API list become the same value: what the operator wrote, without the
status and the API server's own metadata.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fabrics.resources.api_json import estimate_memory
from fabrics.resources.json_types import Json
from fabrics.resources.kinds import Kind, get_kind, is_made_by_controller, normalize_namespace
from fabrics.resources.normalize import Content, digest_json, normalize_desired, normalize_live

DEFAULT_NAMESPACE = "default"


class ResourceKey(NamedTuple):
    """The identity of an object within a fabric, in Git as in the API."""

    kind: Kind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.name}/{self.namespace}/{self.name}"


RESOURCE_BYTES = 800
"""The memory of a resource without its content and its names."""

_IDENTITY = ("name", "namespace", "uid", "resourceVersion")

INSTALLER_DEFAULT_KEYS = frozenset(
    {ResourceKey(get_kind("IPv4Namespace"), DEFAULT_NAMESPACE, "default")}
)
"""Objects outside the wiring group that the installer creates together with the wiring."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where Git defines an object: file and line (from 1)."""

    path: str
    line: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A custom resource. Its `content` is shared; never change it.

    `digest` covers the key and the normalized content: objects with equal digests do not differ.
    `namespace` is as written; the key holds its current name. `source` is set for objects from Git,
    `uid`, `resource_version` and `size` for live ones; `size` is about the memory that one takes, in bytes.
    """

    key: ResourceKey
    content: Content
    digest: str
    namespace: str
    source: SourceLocation | None = None
    uid: str = ""
    resource_version: str = ""
    made_by_controller: bool = False
    size: int = field(default=0, compare=False)

    @property
    def kind(self) -> Kind:
        return self.key.kind

    @property
    def version(self) -> tuple[str, str]:
        """The uid and the resource version, which name one state of one live object."""
        return self.uid, self.resource_version

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
    """Build the resource that a manifest defines."""
    key = ResourceKey(kind, normalize_namespace(kind, namespace), name)
    return Resource(
        key=key,
        content=content,
        digest=digest_json([kind.group, str(key), normalize_desired(kind, content)]),
        namespace=namespace,
        source=source,
        made_by_controller=is_made_by_controller(kind, name),
    )


def resource_from_api(item: Mapping[str, Any], kind: Kind) -> Resource:
    """Build a resource of this kind from one item of a Kubernetes API response.

    Raises `ValueError` for an item that is not an object with a name.
    """
    metadata = _get_mapping(item, "metadata", kind)
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"The Kubernetes API returned a {kind.name} without a name.")
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    content = Content(
        spec=_get_mapping(item, "spec", kind),
        labels=_get_mapping(metadata, "labels", kind),
        annotations=_get_mapping(metadata, "annotations", kind),
    )
    key = ResourceKey(kind, normalize_namespace(kind, namespace), name)
    return Resource(
        key=key,
        content=content,
        digest=digest_json([kind.group, str(key), normalize_live(kind, content)]),
        namespace=namespace,
        uid=metadata.get("uid") or "",
        resource_version=metadata.get("resourceVersion") or "",
        made_by_controller=bool(metadata.get("ownerReferences"))
        or is_made_by_controller(kind, name),
        size=RESOURCE_BYTES + estimate_memory((content, *map(metadata.get, _IDENTITY))),
    )


def group_by_kind(resources: Iterable[Resource]) -> dict[Kind, list[Resource]]:
    """Return the resources of each kind, in their order."""
    groups: defaultdict[Kind, list[Resource]] = defaultdict(list)
    for resource in resources:
        groups[resource.kind].append(resource)
    return dict(groups)


def digest_resources(resources: Iterable[Resource]) -> str:
    """Return a digest of all that is compared of these resources, in any order."""
    digests = "".join(sorted(resource.digest for resource in resources))
    return hashlib.blake2b(digests.encode(), digest_size=16).hexdigest()


def _get_mapping(parent: Mapping[str, Any], field: str, kind: Kind) -> dict[str, Any]:
    value = parent.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(
            f"The Kubernetes API returned a {kind.name} whose {field} is not an object."
        )
    return value
