"""The desired state: manifest files as they stand in Git, read as Kubernetes would read them."""

from fabrics.resources.manifests.documents import DEFAULT_LIMITS, Limits
from fabrics.resources.manifests.files import (
    DesiredState,
    ManifestProblem,
    ParsedFile,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
    unreadable_file,
)

__all__ = [
    "DEFAULT_LIMITS",
    "DesiredState",
    "Limits",
    "ManifestProblem",
    "ParsedFile",
    "build_desired_state",
    "parse_manifests",
    "select_manifest_paths",
    "unreadable_file",
]
