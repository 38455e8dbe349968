"""Desired and live state from files, for commands that work offline."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cli.errors import CommandError
from fabrics.drift.acceptance.rules import (
    RULES_FILE,
    AcceptRules,
    parse_rules,
    reject_rules,
)
from fabrics.drift.dump import parse_dump
from fabrics.drift.model import LiveState
from fabrics.packed_files import PackingError, pack_files
from fabrics.resources.manifests.documents import DEFAULT_LIMITS
from fabrics.resources.manifests.files import (
    DesiredState,
    ParsedFile,
    build_desired_state,
    parse_manifests,
    select_manifest_paths,
    unreadable_file,
)


@dataclass(frozen=True)
class OfflineFiles:
    """What a directory holds: manifests, and the rules on accepted differences."""

    desired: DesiredState
    rules: AcceptRules

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a directory by the rules for one in Git. Raises `CommandError`."""
        files = _list_files(folder)
        desired = build_desired_state(
            _parse_file(name, files[name]) for name in select_manifest_paths(files)
        )
        file = files.get(RULES_FILE)
        return cls(desired, _parse_rules(file) if file else AcceptRules())


def pack_manifests(folder: Path) -> str:
    """Return manifests and rules of a directory for a worker. Raises `CommandError`."""
    files = _list_files(folder)
    names = (*select_manifest_paths(files), *files.keys() & {RULES_FILE})
    try:
        return pack_files({name: _read_file(files[name]) for name in names})
    except PackingError as error:
        raise CommandError(
            f"The manifests in {folder} cannot be sent to a worker. {error} Push them, and give --commit instead."
        ) from None


def _list_files(folder: Path) -> dict[str, Path]:
    """Return all files below a directory, by their paths in it."""
    if not folder.is_dir():
        raise CommandError(
            f"{folder} is not a directory; name the one with the fabric's manifests."
        )
    paths = (Path(parent, name) for parent, _, names in os.walk(folder) for name in names)
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _read_file(file: Path) -> bytes:
    if file.is_symlink() or not file.is_file():
        raise CommandError(f"{file} is not a regular file and is not followed; replace it.")
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from None


def _parse_rules(file: Path) -> AcceptRules:
    if file.is_symlink() or not file.is_file():
        return reject_rules(RULES_FILE, "is not a regular file and is not followed.")
    try:
        return parse_rules(RULES_FILE, file.read_bytes())
    except OSError as error:
        return reject_rules(RULES_FILE, f"cannot be read: {error.strerror}.")


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
