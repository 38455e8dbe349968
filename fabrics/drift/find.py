"""Finds the drift between what Git asks for and what a fabric runs."""

from collections.abc import Iterator

from fabrics.drift.model import (
    Change,
    Drift,
    DriftEntry,
    FieldDrift,
    KindCount,
    Live,
    UnmanagedField,
)
from fabrics.forms import differences
from fabrics.kinds import KINDS, Kind, kinds_of
from fabrics.manifests import Desired
from fabrics.resources import Key, Resource


def managed_kinds(desired: Desired, configured: frozenset[Kind] = frozenset()) -> frozenset[Kind]:
    """The kinds in scope: those configured, else all of each API group that Git has objects of."""
    if configured:
        return configured
    keys = desired.resources.keys() | desired.contested
    return frozenset().union(*(kinds_of(group) for group in {key.kind.group for key in keys}))


def find_drift(desired: Desired, live: Live, configured: frozenset[Kind] = frozenset()) -> Drift:
    """Compares both states within the scope that `managed_kinds` gives."""
    scope = managed_kinds(desired, configured)
    entries: list[DriftEntry] = []
    unmanaged: list[UnmanagedField] = []
    counts: dict[Kind, KindCount] = {}
    for kind in KINDS:
        wanted = {key: each for key, each in desired.resources.items() if key.kind == kind}
        found = {each.key: each for each in live.resources.get(kind, ())}
        drifted: list[DriftEntry] = []
        if kind in scope and kind in live.resources:
            absent = kind not in desired.tainted
            drifted = sorted(
                _entries(wanted, found, desired.contested, unmanaged, absent),
                key=lambda entry: entry.key[1:],
            )
        if wanted or found or kind in scope:
            counts[kind] = _count(wanted, found, drifted)
        entries.extend(drifted)
    return Drift(
        entries=tuple(entries),
        counts=counts,
        unmanaged=tuple(unmanaged),
        not_served=tuple(kind for kind in KINDS if kind in scope & live.not_served),
        unjudged=tuple(kind for kind in KINDS if kind in scope & desired.tainted),
    )


def _entries(
    wanted: dict[Key, Resource],
    found: dict[Key, Resource],
    contested: frozenset[Key],
    unmanaged: list[UnmanagedField],
    absences: bool,
) -> Iterator[DriftEntry]:
    for key, resource in wanted.items():
        if key in found:
            fields: list[FieldDrift] = []
            for path, ours, theirs, managed in differences(
                key.kind, resource.form, found[key].form
            ):
                if managed:
                    fields.append(FieldDrift(path, ours, theirs))
                else:
                    unmanaged.append(UnmanagedField(key, path, theirs))
            if fields:
                yield DriftEntry(key, Change.CHANGED, tuple(fields), resource.source)
        elif absences:
            yield DriftEntry(key, Change.MISSING, source=resource.source)
    if not absences:
        return
    for key, resource in found.items():
        if key not in wanted and key not in contested and not resource.controlled:
            yield DriftEntry(key, Change.EXTRA)


def _count(
    wanted: dict[Key, Resource], found: dict[Key, Resource], drifted: list[DriftEntry]
) -> KindCount:
    changes = [entry.change for entry in drifted]
    return KindCount(
        desired=len(wanted),
        live=len(found),
        changed=changes.count(Change.CHANGED),
        missing=changes.count(Change.MISSING),
        extra=changes.count(Change.EXTRA),
    )
