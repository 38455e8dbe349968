"""Manifests as plain dictionaries."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from fabrics.resources.manifests.documents import parse_documents

type Manifest = dict[str, Any]
type Spec = dict[str, Any]


def read_manifests(file: Path) -> list[Manifest]:
    """Return the documents of one YAML file, parsed as Kubernetes parses them."""
    return [cast(Manifest, document.value) for document in parse_documents(file.read_bytes())]


def format_time(time: datetime) -> str:
    """Return a time as Kubernetes writes it, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def get_connection_type(connection: Spec) -> str:
    """Return the type that a Connection's spec states, such as `fabric`."""
    (connection_type,) = connection.keys() - {"topology"}
    return connection_type


def iter_links(connection: Spec) -> Iterator[Spec]:
    """Yield the links of a Connection's spec, of whatever type it is."""
    body = connection[get_connection_type(connection)]
    yield from body.get("links", ())
    yield from body.get("peerLinks", ())
    yield from body.get("sessionLinks", ())
    if "link" in body:
        yield body["link"]


def iter_link_ends(connection: Spec) -> Iterator[tuple[str, str]]:
    """Yield the device's role (`server`, `spine`, ...) and port at each link end."""
    for link in iter_links(connection):
        for role, end in link.items():
            yield role, end["port"]
