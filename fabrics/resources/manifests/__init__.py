"""The desired state: manifest files as they stand in Git, read as Kubernetes would read them."""

from fabrics.resources.manifests.documents import DEFAULT_LIMITS, Limits
from fabrics.resources.manifests.files import (
    Desired,
    ParsedFile,
    Problem,
    collect,
    manifest_paths,
    parse_manifests,
    unread_file,
)

__all__ = [
    "DEFAULT_LIMITS",
    "Desired",
    "Limits",
    "ParsedFile",
    "Problem",
    "collect",
    "manifest_paths",
    "parse_manifests",
    "unread_file",
]
