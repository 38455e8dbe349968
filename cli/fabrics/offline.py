"""Both sides of a fabric from files, for `diff --desired DIR --live FILE.json`: nothing is asked of anybody."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from cli.errors import Failure
from fabrics.drift import Live, read_dump
from fabrics.resources.manifests import (
    DEFAULT_LIMITS,
    Desired,
    ParsedFile,
    collect,
    manifest_paths,
    parse_manifests,
    unread_file,
)


def read_desired(folder: Path) -> Desired:
    """The manifests below `folder`, by the same rules as in a Git directory. Raises `Failure`."""
    if not folder.is_dir():
        raise Failure(f"{folder} is no directory; name the one with the fabric's manifests.")
    files = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    return collect(_parse(name, files[name]) for name in manifest_paths(files))


def read_live(file: Path) -> Live:
    """The objects in `file`, as `kubectl get ... -o json` prints them. Raises `Failure`."""
    try:
        return read_dump(json.loads(file.read_bytes()))
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise Failure(f"{file} does not hold objects of a fabric: {error}") from None


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _parse(name: str, file: Path) -> ParsedFile:
    if file.is_symlink() or not file.is_file():
        return unread_file(name, "is no plain file and is not followed")
    if file.stat().st_size > DEFAULT_LIMITS.size:
        return unread_file(name, f"is larger than {DEFAULT_LIMITS.size >> 20} MB")
    try:
        return parse_manifests(name, file.read_bytes())
    except OSError as error:
        return unread_file(name, f"cannot be read: {error.strerror}")
