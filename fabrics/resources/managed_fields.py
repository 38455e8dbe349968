"""Managed fields: who has written which fields of a live object, and when.

Kubernetes keeps an entry for each manager, with the time at which that last changed any of its fields. A field may
have several managers. The names of fields are keys as `f:spec`; a value that is written as a whole, such as most
lists, has no keys within.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from fabrics.resources.api_json import OBJECT_LIMITS, ApiDecoder, estimate_memory

type ObjectVersion = tuple[str, str]
"""The uid and the resource version of an object: together they name one state of it."""

_STEP: Final = re.compile(
    r'\.?(?P<field>[A-Za-z0-9_-]+)|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]|\[[^]]*\]'
)
"""A step of a path, as `field_paths` writes it: a field, a quoted one, or an element of a list."""


class FieldManager(NamedTuple):
    """One manager of some fields."""

    name: str
    time: datetime
    fields: Mapping[str, Any]

    def manages(self, path: str) -> bool:
        """True if it wrote the field at `path`, a part of it, or a whole around it."""
        fields: Any = self.fields
        for step in _split_path(path):
            fields = fields.get(f"f:{step}") if isinstance(fields, dict) and step else None
            if fields is None:
                return False
            if not fields:
                return True
        return True


@dataclass(frozen=True, slots=True)
class ManagedFields:
    """All managers of one object's fields."""

    managers: tuple[FieldManager, ...] = ()

    @property
    def size(self) -> int:
        """About how much memory they take, in bytes."""
        return 1 + estimate_memory(self.managers)

    def find_last_manager(self, path: str) -> FieldManager | None:
        """Return the manager of the field at `path` that has changed something last."""
        managing = (manager for manager in self.managers if manager.manages(path))
        return max(managing, key=lambda manager: manager.time, default=None)


class _Entry(msgspec.Struct, rename={"fields_v1": "fieldsV1"}):
    manager: str = ""
    subresource: str = ""
    time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    fields_v1: dict[str, Any] = {}


class _Metadata(
    msgspec.Struct,
    rename={"resource_version": "resourceVersion", "managed_fields": "managedFields"},
):
    uid: str = ""
    resource_version: str = ""
    managed_fields: list[_Entry] = []


class _Object(msgspec.Struct):
    metadata: _Metadata


class _List(msgspec.Struct):
    items: list[_Object]


_DECODER: Final = ApiDecoder(_List, "a list of Kubernetes objects", OBJECT_LIMITS)


def parse_managed_fields(data: bytes) -> dict[ObjectVersion, ManagedFields]:
    """Parse a list response: the managed fields of the specs of its objects.

    Raises `ValueError` if `data` is anything else, and `TooLargeError`.
    """
    listed = (item.metadata for item in _DECODER.decode(data).items)
    return {
        (metadata.uid, metadata.resource_version): ManagedFields(tuple(_iter_managers(metadata)))
        for metadata in listed
    }


def _iter_managers(metadata: _Metadata) -> Iterator[FieldManager]:
    for entry in metadata.managed_fields:
        if entry.manager and entry.time and not entry.subresource:
            with suppress(OverflowError):  # such as the first hour of the year 1, east of Greenwich
                yield FieldManager(entry.manager, entry.time.astimezone(UTC), entry.fields_v1)


def _split_path(path: str) -> Iterator[str]:
    """Yield the names of fields; an empty one for an element of a list."""
    for step in _STEP.finditer(path):
        quoted = step["quoted"]
        yield json.loads(quoted) if quoted else step["field"] or ""
