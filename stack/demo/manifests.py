"""Manifests as plain dictionaries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from fabrics.resources.manifests.documents import parse_documents

type Manifest = dict[str, Any]
type Spec = dict[str, Any]


def read_manifests(file: Path) -> list[Manifest]:
    """Return the documents of one YAML file, parsed as Kubernetes parses them."""
    return [cast(Manifest, document.value) for document in parse_documents(file.read_bytes())]


def iter_link_ends(connection: Spec) -> Iterator[tuple[str, str]]:
    """Yield the device's role (`server`, `spine`, ...) and port at each link end."""
    (body,) = connection.values()
    for link in body.get("links") or [body["link"]]:
        for role, end in link.items():
            yield role, end["port"]
