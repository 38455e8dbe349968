"""Who made a difference: the managers of live fields, and the authors of commits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from fabrics.drift.model import MAX_AUTHOR_CHARS, Author, DriftEntry, DriftType, FieldDrift
from fabrics.drift.sentences import shorten
from fabrics.resources.managed_fields import ManagedFields
from fabrics.resources.resource import ResourceKey

SPEC_PATH: Final = "spec"


def add_origins(
    entries: Iterable[DriftEntry],
    managed_fields: Mapping[ResourceKey, ManagedFields],
    authors: Mapping[str, Author],
) -> Iterator[DriftEntry]:
    """Yield the entries with what is known of who made them.

    `managed_fields` are those of live objects, `authors` those who committed files, by path. What is absent live has no
    manager.
    """
    for entry in entries:
        managed = managed_fields.get(entry.key, ManagedFields())
        is_extra = entry.change is DriftType.EXTRA
        yield replace(
            entry,
            fields=tuple(_add_manager(field, managed) for field in entry.fields),
            changed_by=_find_author(managed, SPEC_PATH) if is_extra else None,
            committed_by=authors.get(entry.source.path) if entry.source else None,
        )


def _add_manager(field: FieldDrift, managed: ManagedFields) -> FieldDrift:
    if field.live is None:
        return field
    return replace(field, changed_by=_find_author(managed, field.path))


def _find_author(managed: ManagedFields, path: str) -> Author | None:
    manager = managed.find_last_manager(path)
    if manager is None:
        return None
    return Author(shorten(manager.name, MAX_AUTHOR_CHARS), manager.time)
