"""Finds the drift between what Git asks for and what a fabric runs."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from fabrics.drift.model import (
    Change,
    Drift,
    DriftEntry,
    FieldDrift,
    KindCount,
    Live,
    UnmanagedField,
)
from fabrics.resources.kinds import KINDS, WIRING, Kind, kinds_of
from fabrics.resources.manifests import Desired
from fabrics.resources.normalize import desired_form, differences, live_form
from fabrics.resources.resource import INSTALLED_WITH_WIRING, Key, Resource

type Objects = Mapping[Key, Resource]


def managed_kinds(desired: Desired, configured: frozenset[Kind] = frozenset()) -> frozenset[Kind]:
    """The kinds in scope: those configured, else all of each API group that Git has objects of."""
    if configured:
        return configured
    keys = desired.resources.keys() | desired.contested
    return frozenset().union(*(kinds_of(group) for group in {key.kind.group for key in keys}))


def find_drift(desired: Desired, live: Live, configured: frozenset[Kind] = frozenset()) -> Drift:
    """Compares both states within the scope that `managed_kinds` gives.

    What an unread list or a bad file leaves open is never called `missing` or `extra`.
    """
    scope = managed_kinds(desired, configured)
    # A Git directory that leaves the wiring to the installer leaves it these objects too.
    wired = configured or scope & kinds_of(WIRING)
    exempt = desired.contested | (frozenset() if wired else INSTALLED_WITH_WIRING)
    wanted = _by_kind(desired.resources)
    found = {kind: {each.key: each for each in live.resources[kind]} for kind in live.resources}
    drifts = {
        kind: _compare(wanted.get(kind, {}), found[kind], desired.tainted, exempt)
        for kind in KINDS
        if kind in scope and kind in found
    }
    return Drift(
        entries=tuple(entry for drift in drifts.values() for entry in drift.entries),
        counts={
            kind: _count(wanted.get(kind, {}), found.get(kind, {}), drifts.get(kind, _NO_DRIFT))
            for kind in KINDS
            if kind in scope or kind in wanted or found.get(kind)
        },
        unmanaged=tuple(each for drift in drifts.values() for each in drift.unmanaged),
        not_served=_ordered(scope & live.not_served),
        unread=_ordered((scope & wanted.keys()) - found.keys() - live.not_served),
        unjudged=_ordered(scope & desired.tainted),
    )


def _by_kind(objects: Objects) -> dict[Kind, dict[Key, Resource]]:
    found: dict[Kind, dict[Key, Resource]] = {}
    for key, resource in objects.items():
        found.setdefault(key.kind, {})[key] = resource
    return found


def _ordered(kinds: Collection[Kind]) -> tuple[Kind, ...]:
    return tuple(kind for kind in KINDS if kind in kinds)


class _KindDrift(NamedTuple):
    """The drift among the objects of one kind."""

    entries: tuple[DriftEntry, ...] = ()
    unmanaged: tuple[UnmanagedField, ...] = ()


_NO_DRIFT = _KindDrift()


def _compare(
    wanted: Objects, found: Objects, tainted: frozenset[Kind], exempt: frozenset[Key]
) -> _KindDrift:
    entries: list[DriftEntry] = []
    unmanaged: list[UnmanagedField] = []
    for key, resource in wanted.items():
        live = found.get(key)
        if live is None:
            if key.kind not in tainted:
                entries.append(DriftEntry(key, Change.MISSING, source=resource.source))
        elif live.form != resource.form:
            fields, left = _fields(resource, live)
            unmanaged += left
            if fields:
                entries.append(DriftEntry(key, Change.CHANGED, fields, resource.source))
    for key, live in found.items():
        known = key in wanted or key in exempt or live.controlled
        if not known and key.kind not in tainted:
            entries.append(DriftEntry(key, Change.EXTRA))
    entries.sort(key=lambda entry: entry.key)
    unmanaged.sort(key=lambda field: (field.key, field.path))
    return _KindDrift(tuple(entries), tuple(unmanaged))


def _fields(
    desired: Resource, live: Resource
) -> tuple[tuple[FieldDrift, ...], tuple[UnmanagedField, ...]]:
    """The fields in which two objects of one key differ, and those that Git leaves to others."""
    kind = desired.kind
    ours, theirs = desired_form(kind, desired.content), live_form(kind, live.content)
    found = tuple(differences(kind, ours, theirs))
    return (
        tuple(FieldDrift(path, git, cluster) for path, git, cluster, managed in found if managed),
        tuple(
            UnmanagedField(desired.key, each.path, each.live) for each in found if not each.managed
        ),
    )


def _count(wanted: Collection[Key], found: Collection[Key], drift: _KindDrift) -> KindCount:
    changes = [entry.change for entry in drift.entries]
    return KindCount(
        desired=len(wanted),
        live=len(found),
        changed=changes.count(Change.CHANGED),
        missing=changes.count(Change.MISSING),
        extra=changes.count(Change.EXTRA),
    )
