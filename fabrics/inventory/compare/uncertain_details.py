"""Details that stay while what states them cannot be read."""

from collections.abc import Iterable, Mapping, Set

from fabrics.inventory.model.planned import Details
from fabrics.inventory.plan.builder import MAX_DETAILS_BYTES, measure_details
from fabrics.resources.json_types import Json

PEERINGS = "peerings"
"""The entry of a VRF's details that other live objects state."""


def keep_unread_details(
    planned: Details, existing: Mapping[str, Json], *, is_complete: bool, incomplete: Set[str]
) -> Details:
    """Return planned details with what NetBox has of objects that cannot be read.

    An object that is not complete keeps what the plan does not state; a VRF keeps the peerings with `incomplete` keys.
    Details that would be too long for that are the planned ones.
    """
    kept = dict(planned) if is_complete else {**existing, **planned}
    stated = _list_entries(planned.get(PEERINGS))
    known = {entry["key"] for entry in stated}
    lost = [
        entry
        for entry in _list_entries(existing.get(PEERINGS))
        if entry["key"] in incomplete - known
    ]
    if lost:
        kept[PEERINGS] = [*stated, *lost]
    return kept if measure_details(kept) <= MAX_DETAILS_BYTES else planned


def _list_entries(peerings: Json) -> list[dict[str, Json]]:
    """Return the entries that have a key; people may have edited the others."""
    entries: Iterable[Json] = peerings if isinstance(peerings, list) else ()
    return [entry for entry in entries if isinstance(entry, dict) and "key" in entry]
