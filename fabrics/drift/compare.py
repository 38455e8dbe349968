"""The comparison of desired and live state."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from operator import attrgetter
from threading import Lock
from typing import Final, NamedTuple

from cachetools import LRUCache, cached

from fabrics.drift.model import (
    Drift,
    DriftEntry,
    DriftType,
    FieldDrift,
    KindCount,
    ListOutcome,
    LiveState,
    UnknownField,
    UnknownKindObjects,
    UnmanagedField,
)
from fabrics.resources.kinds import COMPARED_KINDS, WIRING_GROUP, Kind, find_kinds_in_group
from fabrics.resources.manifests.files import DesiredState
from fabrics.resources.normalize import diff_normalized, normalize_desired, normalize_live
from fabrics.resources.resource import (
    INSTALLER_DEFAULT_KEYS,
    Resource,
    ResourceKey,
    group_by_kind,
)
from fabrics.resources.schema.base import DifferenceReason

MAX_CACHED_BYTES: Final = 64 * 1024 * 1024
BYTES_PER_COMPARISON: Final = 300
"""The size of all comparisons that stay in memory, of all fabrics, and of one without differences."""

BYTES_PER_CONTAINER: Final = 100
BYTES_PER_ITEM: Final = 60
"""What mappings, lists and their entries take beside the text of their values."""


def select_managed_kinds(
    desired: DesiredState, configured: frozenset[Kind] = frozenset()
) -> frozenset[Kind]:
    """Return the configured kinds, or all known kinds of the API groups used in Git.

    Objects of a kind that is not known do not count: Git may hold nothing else of their group.
    """
    if configured:
        return configured
    keys = chain(desired.resources, desired.duplicate_keys)
    groups = {key.kind.group for key in keys if key.kind.is_known}
    return frozenset(kind for kind in COMPARED_KINDS if kind.group in groups)


def select_unknown_kinds(
    desired: DesiredState, configured: frozenset[Kind] = frozenset()
) -> tuple[Kind, ...]:
    """Return the unknown kinds in Git; none if kinds are configured."""
    return () if configured else tuple(sorted(desired.unknown_kinds))


def find_drift(
    desired: DesiredState, live: LiveState, configured: frozenset[Kind] = frozenset()
) -> Drift:
    """Compare the objects of the kinds that `select_managed_kinds` returns.

    No object is called `missing` or `extra` if its list was not read or a bad file may define it.
    Objects of kinds that this version does not know are compared where Git defines them.
    """
    scope = select_managed_kinds(desired, configured)
    # Where Git leaves the wiring to the installer, it leaves these objects to it too.
    has_wiring = configured or scope & find_kinds_in_group(WIRING_GROUP)
    never_extra = desired.duplicate_keys | (frozenset() if has_wiring else INSTALLER_DEFAULT_KEYS)
    desired_by_kind = group_by_kind(desired.resources.values())
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
    unknown_kinds = {
        kind: live.unknown_kinds.get(kind, UnknownKindObjects(outcome=ListOutcome.NOT_READ))
        for kind in select_unknown_kinds(desired, configured)
    }
    drifts |= _compare_unknown_kinds(desired, unknown_kinds)
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
        unknown_fields=tuple(field for drift in drifts.values() for field in drift.unknown_fields),
        unknown_kinds={kind: objects.outcome for kind, objects in unknown_kinds.items()},
        unserved_kinds=_sort_kinds(scope & live.unserved_kinds),
        unread_kinds=_sort_kinds(
            (scope & desired_by_kind.keys()) - live.resources.keys() - live.unserved_kinds
        ),
        incomplete_kinds=_sort_kinds(scope & desired.incomplete_kinds),
    )


def _sort_kinds(kinds: Collection[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in COMPARED_KINDS if kind in kinds)


class _KindDrift(NamedTuple):
    """The drift among the objects of one kind."""

    entries: tuple[DriftEntry, ...]
    unmanaged: tuple[UnmanagedField, ...]
    unknown_fields: tuple[UnknownField, ...]


def _compare_unknown_kinds(
    desired: DesiredState, unknown_kinds: Mapping[Kind, UnknownKindObjects]
) -> dict[Kind, _KindDrift]:
    """Compare the objects in Git; those with an owner may not be edited."""
    drifts: dict[Kind, _KindDrift] = {}
    for kind, live in unknown_kinds.items():
        if live.outcome in {ListOutcome.LISTED, ListOutcome.NOT_SERVED}:
            owned = {resource.key for resource in live.resources if resource.made_by_controller}
            in_git = [item for item in desired.unknown_kinds[kind] if item.key not in owned]
            keys = {resource.key for resource in in_git}
            listed = [resource for resource in live.resources if resource.key in keys]
            drifts[kind] = _compare_kind(in_git, listed, desired.incomplete_kinds, frozenset())
    return drifts


def _compare_kind(
    desired_resources: Collection[Resource],
    live_resources: Collection[Resource],
    incomplete_kinds: frozenset[Kind],
    never_extra: frozenset[ResourceKey],
) -> _KindDrift:
    if _get_digests(desired_resources) == _get_digests(live_resources):
        return _KindDrift((), (), ())  # as in most syncs; looking up each key takes far longer
    desired = {resource.key: resource for resource in desired_resources}
    live = {resource.key: resource for resource in live_resources}
    entries: list[DriftEntry] = []
    unmanaged: list[UnmanagedField] = []
    unknown_fields: list[UnknownField] = []
    for key, resource in desired.items():
        live_resource = live.get(key)
        if live_resource is None:
            if key.kind not in incomplete_kinds:
                entries.append(DriftEntry(key, DriftType.MISSING, source=resource.source))
        elif live_resource.digest != resource.digest:
            fields = _compare_fields(resource, live_resource)
            unmanaged += fields.unmanaged
            unknown_fields += fields.unknown
            if fields.drift:
                entries.append(
                    DriftEntry(key, DriftType.CHANGED, fields.drift, resource.source, live_resource)
                )
    for key, resource in live.items():
        expected = key in desired or key in never_extra or resource.made_by_controller
        if not expected and key.kind not in incomplete_kinds:
            entries.append(DriftEntry(key, DriftType.EXTRA, live=resource))
    entries.sort(key=attrgetter("key"))
    unmanaged.sort(key=lambda field: (field.key, field.path))
    return _KindDrift(tuple(entries), tuple(unmanaged), tuple(unknown_fields))


def _get_digests(resources: Iterable[Resource]) -> set[str]:
    return {resource.digest for resource in resources}


class _FieldDifferences(NamedTuple):
    """The fields in which two objects differ, by what that means."""

    drift: tuple[FieldDrift, ...]
    unmanaged: tuple[UnmanagedField, ...]
    unknown: tuple[UnknownField, ...]


def _estimate_bytes(differences: _FieldDifferences) -> int:
    """Return about how much memory differences take."""
    text = repr(differences)
    containers = text.count("{") + text.count("[")
    nested = BYTES_PER_CONTAINER * containers + BYTES_PER_ITEM * text.count(",")
    return BYTES_PER_COMPARISON + len(text) + nested


def _get_both_digests(desired: Resource, live: Resource) -> tuple[str, str]:
    return desired.digest, live.digest


# Where the API fills in what Git leaves open, objects differ at each sync in the same fields.
@cached(LRUCache(MAX_CACHED_BYTES, _estimate_bytes), key=_get_both_digests, lock=Lock())
def _compare_fields(desired: Resource, live: Resource) -> _FieldDifferences:
    kind, key = desired.kind, desired.key
    drift: list[FieldDrift] = []
    unmanaged: list[UnmanagedField] = []
    unknown: list[UnknownField] = []
    for path, git, cluster, reason, is_known, known_path in diff_normalized(
        kind, normalize_desired(kind, desired.content), normalize_live(kind, live.content)
    ):
        match reason:
            case DifferenceReason.DRIFT:
                known = is_known and kind.is_known
                drift.append(FieldDrift(path, git, cluster, known, known_path))
            case DifferenceReason.LEFT_TO_INSTALLER:
                unmanaged.append(UnmanagedField(key, path, cluster))
            case DifferenceReason.UNKNOWN_LIVE | DifferenceReason.ORDER:
                unknown.append(UnknownField(key, path, reason))
    return _FieldDifferences(tuple(drift), tuple(unmanaged), tuple(unknown))
