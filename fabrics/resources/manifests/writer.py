"""Manifests as text that Kubernetes reads as it was meant."""

import re
from typing import Final

import yaml

from fabrics.resources.kinds import Kind
from fabrics.resources.manifests.scalars import resolve_plain_scalar
from fabrics.resources.normalize import Content
from fabrics.resources.resource import DEFAULT_NAMESPACE

MAX_WIDTH: Final = 1_000
"""Long texts stay on one line, where they can be searched."""

_PLAIN_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


class _ManifestDumper(yaml.CSafeDumper):
    """PyYAML's emitter, which quotes whatever Kubernetes could take for no text."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: _ManifestDumper, text: str) -> yaml.ScalarNode:
    # PyYAML's own choice would leave `y` and `0o7` bare, which are no text to Kubernetes.
    is_plain = _PLAIN_TEXT.fullmatch(text) and isinstance(resolve_plain_scalar(text), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


_ManifestDumper.add_representer(str, _represent_text)


def write_manifest(kind: Kind, namespace: str, name: str, content: Content) -> str:
    """Return the YAML document of an object; the default namespace is left out.

    What is not printable, such as a mark that reverses the order of text, is escaped.
    """
    metadata: dict[str, object] = {"name": name}
    if namespace != DEFAULT_NAMESPACE:
        metadata["namespace"] = namespace
    for field, entries in (("labels", content.labels), ("annotations", content.annotations)):
        if entries:
            metadata[field] = dict(entries)
    document: dict[str, object] = {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": metadata,
        "spec": dict(content.spec),
    }
    text = _dump(document, allow_unicode=True)
    is_printable = all(map(str.isprintable, text.split("\n")))
    return text if is_printable else _dump(document, allow_unicode=False)


def _dump(document: dict[str, object], *, allow_unicode: bool) -> str:
    text: str = yaml.dump(
        document,
        Dumper=_ManifestDumper,
        sort_keys=False,
        allow_unicode=allow_unicode,
        width=MAX_WIDTH,
    )
    return text
