"""The comparison of desired and live state."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from itertools import chain
from typing import NamedTuple

from fabrics.drift.model import (
    Drift,
    DriftEntry,
    DriftType,
    FieldDrift,
    KindCount,
    LiveState,
    UnmanagedField,
)
from fabrics.resources.kinds import COMPARED_KINDS, WIRING_GROUP, Kind, find_kinds_in_group
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.normalize import diff_normalized, normalize_desired, normalize_live
from fabrics.resources.resource import INSTALLER_DEFAULT_KEYS, Resource, ResourceKey


def select_managed_kinds(
    desired: DesiredState, configured: frozenset[Kind] = frozenset()
) -> frozenset[Kind]:
    """Return the configured kinds, or all kinds of the API groups used in Git."""
    if configured:
        return configured
    groups = {key.kind.group for key in chain(desired.resources, desired.duplicate_keys)}
    return frozenset(kind for kind in COMPARED_KINDS if kind.group in groups)


def find_drift(
    desired: DesiredState, live: LiveState, configured: frozenset[Kind] = frozenset()
) -> Drift:
    """Compare the objects of the kinds that `select_managed_kinds` returns.

    No object is called `missing` or `extra` if its list was not read or a bad file may define it.
    """
    scope = select_managed_kinds(desired, configured)
    # Where Git leaves the wiring to the installer, it leaves these objects to it too.
    has_wiring = configured or scope & find_kinds_in_group(WIRING_GROUP)
    never_extra = desired.duplicate_keys | (frozenset() if has_wiring else INSTALLER_DEFAULT_KEYS)
    desired_by_kind = _group_by_kind(desired.resources.values())
    drifts = {
        kind: _compare_kind(
            desired_by_kind.get(kind, ()),
            live.resources[kind],
            desired.incomplete_kinds,
            never_extra,
        )
        for kind in COMPARED_KINDS
        if kind in scope and kind in live.resources
    }
    entries = tuple(entry for drift in drifts.values() for entry in drift.entries)
    changes = Counter((entry.key.kind, entry.change) for entry in entries)
    return Drift(
        entries=entries,
        counts={
            kind: KindCount(
                desired=len(desired_by_kind.get(kind, ())),
                live=len(live.resources.get(kind, ())),
                changed=changes[kind, DriftType.CHANGED],
                missing=changes[kind, DriftType.MISSING],
                extra=changes[kind, DriftType.EXTRA],
            )
            for kind in COMPARED_KINDS
            if kind in scope or kind in desired_by_kind or live.resources.get(kind)
        },
        unmanaged=tuple(field for drift in drifts.values() for field in drift.unmanaged),
        unserved_kinds=_sort_kinds(scope & live.unserved_kinds),
        unread_kinds=_sort_kinds(
            (scope & desired_by_kind.keys()) - live.resources.keys() - live.unserved_kinds
        ),
        incomplete_kinds=_sort_kinds(scope & desired.incomplete_kinds),
    )


def _group_by_kind(resources: Iterable[Resource]) -> dict[Kind, list[Resource]]:
    groups: defaultdict[Kind, list[Resource]] = defaultdict(list)
    for resource in resources:
        groups[resource.kind].append(resource)
    return dict(groups)


def _sort_kinds(kinds: Collection[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in COMPARED_KINDS if kind in kinds)


class _KindDrift(NamedTuple):
    """The drift among the objects of one kind."""

    entries: tuple[DriftEntry, ...]
    unmanaged: tuple[UnmanagedField, ...]


def _compare_kind(
    desired_resources: Collection[Resource],
    live_resources: Collection[Resource],
    incomplete_kinds: frozenset[Kind],
    never_extra: frozenset[ResourceKey],
) -> _KindDrift:
    if _get_digests(desired_resources) == _get_digests(live_resources):
        return _KindDrift((), ())  # as in most syncs; looking up each key takes far longer
    desired = {resource.key: resource for resource in desired_resources}
    live = {resource.key: resource for resource in live_resources}
    entries: list[DriftEntry] = []
    unmanaged: list[UnmanagedField] = []
    for key, resource in desired.items():
        live_resource = live.get(key)
        if live_resource is None:
            if key.kind not in incomplete_kinds:
                entries.append(DriftEntry(key, DriftType.MISSING, source=resource.source))
        elif live_resource.digest != resource.digest:
            fields, unmanaged_fields = _compare_fields(resource, live_resource)
            unmanaged += unmanaged_fields
            if fields:
                entries.append(DriftEntry(key, DriftType.CHANGED, fields, resource.source))
    for key, resource in live.items():
        expected = key in desired or key in never_extra or resource.made_by_controller
        if not expected and key.kind not in incomplete_kinds:
            entries.append(DriftEntry(key, DriftType.EXTRA))
    entries.sort(key=lambda entry: entry.key)
    unmanaged.sort(key=lambda field: (field.key, field.path))
    return _KindDrift(tuple(entries), tuple(unmanaged))


def _get_digests(resources: Iterable[Resource]) -> set[str]:
    return {resource.digest for resource in resources}


def _compare_fields(
    desired: Resource, live: Resource
) -> tuple[tuple[FieldDrift, ...], tuple[UnmanagedField, ...]]:
    """Return the fields in which two objects differ, and those that Git leaves open."""
    kind = desired.kind
    fields: list[FieldDrift] = []
    unmanaged: list[UnmanagedField] = []
    for path, git, cluster, managed in diff_normalized(
        kind, normalize_desired(kind, desired.content), normalize_live(kind, live.content)
    ):
        if managed:
            fields.append(FieldDrift(path, git, cluster))
        else:
            unmanaged.append(UnmanagedField(desired.key, path, cluster))
    return tuple(fields), tuple(unmanaged)
