"""Desired and live state from files, for commands that work offline."""

import json
import os
from pathlib import Path

from cli.errors import CommandError
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import LiveState
from fabrics.resources.manifests.documents import DEFAULT_LIMITS
from fabrics.resources.manifests.files import (
    DesiredState,
    ParsedFile,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
    unreadable_file,
)


def read_desired(folder: Path) -> DesiredState:
    """Read manifests by the rules for a Git directory. Raises `CommandError`."""
    if not folder.is_dir():
        raise CommandError(
            f"{folder} is not a directory; name the one with the fabric's manifests."
        )
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    files = {path.relative_to(folder).as_posix(): path for path in paths}
    return build_desired_state(
        _parse_file(name, files[name]) for name in select_manifest_paths(files)
    )


def read_live(file: Path) -> LiveState:
    """Read the output of `kubectl get -o json`. Raises `CommandError`."""
    try:
        return parse_dump(json.loads(file.read_bytes()))
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{file} does not contain objects of a fabric: {error}") from None


def _parse_file(name: str, file: Path) -> ParsedFile:
    if file.is_symlink() or not file.is_file():
        return unreadable_file(name, "is not a regular file and is not followed")
    if file.stat().st_size > DEFAULT_LIMITS.size_bytes:
        return unreadable_file(name, f"is larger than {DEFAULT_LIMITS.size_bytes >> 20} MB")
    try:
        return parse_manifests(name, file.read_bytes())
    except OSError as error:
        return unreadable_file(name, f"cannot be read: {error.strerror}")
