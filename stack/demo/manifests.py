"""Manifests as plain dictionaries, as files and API servers hold them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from fabrics.resources.manifests.documents import parse_documents

type Manifest = dict[str, Any]
type Spec = dict[str, Any]


def read_manifests(file: Path) -> list[Manifest]:
    """The documents of one YAML file, as Kubernetes reads them."""
    return [cast(Manifest, document.value) for document in parse_documents(file.read_bytes())]


def iter_link_ends(connection: Spec) -> Iterator[tuple[str, str]]:
    """The ends of a connection's links: what the device is (`server`, `spine`, ...) and its port."""
    (body,) = connection.values()
    for link in body.get("links") or [body["link"]]:
        for role, end in link.items():
            yield role, end["port"]
