"""Sanity checks of a live state: kinds suddenly empty or no longer served.

A list that had objects at the last sync and has none now is more often a broken API server, a
restored backup or a lost permission than an emptied fabric. So it is ignored until Git has no such
objects either, or an operator confirms that they are gone.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from fabrics.drift.model import LiveState
from fabrics.drift.sentences import join_names
from fabrics.resources.kinds import ALL_COMPARED_KINDS, COMPARED_KINDS, Kind
from fabrics.resources.manifests.files import DesiredState

MAX_NAMED_KINDS: Final = 20
MAX_KIND_CHARS: Final = 63


def find_suddenly_empty_kinds(
    live: LiveState, desired: DesiredState | None, previous_counts: Mapping[str, int]
) -> dict[Kind, int]:
    """Return kinds that lost all their objects although Git may define some.

    The values are the previous counts; `previous_counts` has them by the kind's name. Without a
    desired state, any kind may be one that Git defines.
    """
    in_git: Collection[Kind] = ALL_COMPARED_KINDS
    if desired:
        in_git = {key.kind for key in desired.resources} | desired.incomplete_kinds
    return {
        kind: previous_counts[kind.name]
        for kind in COMPARED_KINDS
        if kind in in_git
        and previous_counts.get(kind.name)
        and live.resources.get(kind) == ()
        and not _is_elsewhere(live, kind)
    }


def _is_elsewhere(live: LiveState, kind: Kind) -> bool:
    """True if the API lists objects of a kind, which belong to other fabrics."""
    return any(key.kind == kind for key in live.elsewhere)


def find_kinds_no_longer_served(
    live: LiveState, previous_counts: Mapping[str, int]
) -> dict[Kind, int]:
    """Return kinds that had objects and are no longer served, with previous counts.

    Drift takes that for another release. The inventory must not follow: while a CRD is being
    reinstalled, all its objects are gone.
    """
    return {
        kind: previous_counts[kind.name]
        for kind in COMPARED_KINDS
        if kind in live.unserved_kinds and previous_counts.get(kind.name)
    }


def drop_kinds(live: LiveState, kinds: Collection[Kind]) -> LiveState:
    """Return the live state as if these kinds had not been listed."""
    return replace(
        live, resources={kind: live.resources[kind] for kind in live.resources if kind not in kinds}
    )


def explain_suddenly_empty(kind: Kind, count: int, fabric_id: str) -> str:
    """Explain to an operator that a kind is suddenly empty, and what to do."""
    return (
        f"The fabric's API no longer lists any {kind.plural} ({count} at the last sync), and Git"
        " does not confirm that they are gone, so they were not compared. If they are really gone, run"
        f" `starter.py sync {fabric_id} --accept-empty`."
    )


def explain_missing_kinds(
    live: LiveState, expected_counts: Mapping[str, int], fabric_id: str
) -> str:
    """Return why the inventory must not follow the live state; empty if it may.

    `expected_counts` are those of the observation. A suddenly empty kind, or one that is no longer
    served, is not among them once Git or an operator has given its objects up.
    """
    present = {kind.name for kind, resources in live.resources.items() if resources}
    missing = sorted(
        name for name, count in expected_counts.items() if count and name not in present
    )
    if not missing:
        return ""
    names = join_names(missing, MAX_NAMED_KINDS, MAX_KIND_CHARS)
    return (
        f"The fabric's API no longer lists any {names}, so the inventory stays as it is. If"
        f" they are really gone, run `starter.py sync {fabric_id} --accept-empty`."
    )
