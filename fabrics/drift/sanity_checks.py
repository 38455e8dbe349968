"""Whether what an API lists can be the truth.

A list that was full at the last sync and is empty now is more often a broken API server, a restored
backup or a lost permission than a fabric that somebody emptied. Nothing is concluded from it before
Git gives the objects up too, or an operator says that they are gone.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace

from fabrics.drift import LiveState
from fabrics.resources.kinds import ALL_COMPARED_KINDS, COMPARED_KINDS, Kind
from fabrics.resources.manifests import DesiredState


def find_suddenly_empty_kinds(
    live: LiveState, desired: DesiredState | None, previous_counts: Mapping[str, int]
) -> dict[Kind, int]:
    """Kinds of which there were objects and are none now, although Git asks for some: how many.

    `before` counts objects by the kind's name. Without a desired state nothing vouches for a kind.
    """
    asked = (
        {key.kind for key in desired.resources} | desired.incomplete_kinds
        if desired
        else ALL_COMPARED_KINDS
    )
    return {
        kind: previous_counts[kind.name]
        for kind in COMPARED_KINDS
        if kind in asked and previous_counts.get(kind.name) and live.resources.get(kind) == ()
    }


def find_kinds_no_longer_served(
    live: LiveState, previous_counts: Mapping[str, int]
) -> dict[Kind, int]:
    """Kinds of which there were objects and that the API does not serve now: how many.

    To drift that is another release. An inventory must not follow it unasked: while a CRD is installed
    anew, all its objects are gone.
    """
    return {
        kind: previous_counts[kind.name]
        for kind in COMPARED_KINDS
        if kind in live.unserved_kinds and previous_counts.get(kind.name)
    }


def drop_kinds(live: LiveState, kinds: Collection[Kind]) -> LiveState:
    """The live state as if these kinds had not been listed, so that nothing is concluded of them."""
    return replace(
        live, resources={kind: live.resources[kind] for kind in live.resources if kind not in kinds}
    )


def explain_suddenly_empty(
    kind: Kind, count: int, fabric_id: str, desired: DesiredState | None
) -> str:
    """What to tell people of a kind that is suddenly empty."""
    git = "although Git asks for some" if desired else "and Git says nothing of them"
    return (
        f"The fabric's API lists no {kind.plural} any more, of {count} at the last sync, {git}:"
        " nothing is concluded from that. If they are really gone, run"
        f" `starter.py sync {fabric_id} --accept-empty`."
    )
