"""Finds the drift between what Git asks for and what a fabric runs."""

from collections.abc import Collection, Mapping
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
from fabrics.resources.manifests import DesiredState
from fabrics.resources.normalize import diff_normalized, normalize_desired, normalize_live
from fabrics.resources.resource import INSTALLER_DEFAULT_KEYS, Resource, ResourceKey

type Objects = Mapping[ResourceKey, Resource]


def select_managed_kinds(
    desired: DesiredState, configured: frozenset[Kind] = frozenset()
) -> frozenset[Kind]:
    """The kinds in scope: those configured, else all of each API group that Git has objects of."""
    if configured:
        return configured
    keys = desired.resources.keys() | desired.duplicate_keys
    return frozenset().union(
        *(find_kinds_in_group(group) for group in {key.kind.group for key in keys})
    )


def find_drift(
    desired: DesiredState, live: LiveState, configured: frozenset[Kind] = frozenset()
) -> Drift:
    """Compares both states within the scope that `select_managed_kinds` gives.

    What an unread list or a bad file leaves open is never called `missing` or `extra`.
    """
    scope = select_managed_kinds(desired, configured)
    # A Git directory that leaves the wiring to the installer leaves it these objects too.
    wired = configured or scope & find_kinds_in_group(WIRING_GROUP)
    exempt = desired.duplicate_keys | (frozenset() if wired else INSTALLER_DEFAULT_KEYS)
    wanted = _group_by_kind(desired.resources)
    found = {kind: {each.key: each for each in live.resources[kind]} for kind in live.resources}
    drifts = {
        kind: _compare_kind(wanted.get(kind, {}), found[kind], desired.incomplete_kinds, exempt)
        for kind in COMPARED_KINDS
        if kind in scope and kind in found
    }
    return Drift(
        entries=tuple(entry for drift in drifts.values() for entry in drift.entries),
        counts={
            kind: _count_objects(
                wanted.get(kind, {}), found.get(kind, {}), drifts.get(kind, _NO_DRIFT)
            )
            for kind in COMPARED_KINDS
            if kind in scope or kind in wanted or found.get(kind)
        },
        unmanaged=tuple(each for drift in drifts.values() for each in drift.unmanaged),
        unserved_kinds=_sort_kinds(scope & live.unserved_kinds),
        unread_kinds=_sort_kinds((scope & wanted.keys()) - found.keys() - live.unserved_kinds),
        incomplete_kinds=_sort_kinds(scope & desired.incomplete_kinds),
    )


def _group_by_kind(objects: Objects) -> dict[Kind, dict[ResourceKey, Resource]]:
    found: dict[Kind, dict[ResourceKey, Resource]] = {}
    for key, resource in objects.items():
        found.setdefault(key.kind, {})[key] = resource
    return found


def _sort_kinds(kinds: Collection[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in COMPARED_KINDS if kind in kinds)


class _KindDrift(NamedTuple):
    """The drift among the objects of one kind."""

    entries: tuple[DriftEntry, ...] = ()
    unmanaged: tuple[UnmanagedField, ...] = ()


_NO_DRIFT = _KindDrift()


def _compare_kind(
    desired_objects: Objects,
    live_objects: Objects,
    incomplete_kinds: frozenset[Kind],
    never_extra: frozenset[ResourceKey],
) -> _KindDrift:
    entries: list[DriftEntry] = []
    unmanaged: list[UnmanagedField] = []
    for key, resource in desired_objects.items():
        live = live_objects.get(key)
        if live is None:
            if key.kind not in incomplete_kinds:
                entries.append(DriftEntry(key, DriftType.MISSING, source=resource.source))
        elif live.digest != resource.digest:
            fields, left = _compare_fields(resource, live)
            unmanaged += left
            if fields:
                entries.append(DriftEntry(key, DriftType.CHANGED, fields, resource.source))
    for key, live in live_objects.items():
        known = key in desired_objects or key in never_extra or live.made_by_controller
        if not known and key.kind not in incomplete_kinds:
            entries.append(DriftEntry(key, DriftType.EXTRA))
    entries.sort(key=lambda entry: entry.key)
    unmanaged.sort(key=lambda field: (field.key, field.path))
    return _KindDrift(tuple(entries), tuple(unmanaged))


def _compare_fields(
    desired: Resource, live: Resource
) -> tuple[tuple[FieldDrift, ...], tuple[UnmanagedField, ...]]:
    """The fields in which two objects of one key differ, and those that Git leaves to others."""
    kind = desired.kind
    ours, theirs = normalize_desired(kind, desired.content), normalize_live(kind, live.content)
    found = tuple(diff_normalized(kind, ours, theirs))
    return (
        tuple(FieldDrift(path, git, cluster) for path, git, cluster, managed in found if managed),
        tuple(
            UnmanagedField(desired.key, each.path, each.live) for each in found if not each.managed
        ),
    )


def _count_objects(
    desired_keys: Collection[ResourceKey], live_keys: Collection[ResourceKey], drift: _KindDrift
) -> KindCount:
    changes = [entry.change for entry in drift.entries]
    return KindCount(
        desired=len(desired_keys),
        live=len(live_keys),
        changed=changes.count(DriftType.CHANGED),
        missing=changes.count(DriftType.MISSING),
        extra=changes.count(DriftType.EXTRA),
    )
