"""What a round of the fleet tells people: how many fabrics are in which state, and what is wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Final

from pydantic import BaseModel

from fabrics.fleet.overview import is_stale, status_from_record
from fabrics.fleet.reconcile import FabricRecord, FleetPlan, FleetSnapshot
from fabrics.record.status import SyncStatus, compute_status_error
from fabrics.record.status_fields import DUPLICATE_ID_FIX

MAX_NAMED_ENTRIES: Final = 20
"""Fabrics or sentences that a summary names; what it counts, it counts in full."""

MAX_SENTENCE_CHARS: Final = 500
"""Characters of a sentence."""


class FleetSummary(BaseModel, frozen=True):
    """How the fleet was when it was last looked at.

    `states` counts the fabrics that this installation looks after, `elsewhere` those of others.
    `stale` names fabrics that should sync and do not, `failed` has a sentence on each of those whose last
    sync failed, the latest first, `problems` on each record that could not be dealt with. `error` says why
    the latest round changed nothing; all else is then from the round at `checked`.
    """

    checked: datetime | None = None
    states: dict[str, int] = {}
    loops: int = 0
    elsewhere: int = 0
    stale: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_healthy(self) -> bool:
        """Whether the fleet is looked after. Single fabrics have a health of their own."""
        return not (self.error or self.problems)


def summarise_fleet(
    snapshot: FleetSnapshot, plan: FleetPlan, problems: Iterable[str]
) -> FleetSummary:
    """The summary of a round that carried out `plan`; `problems` are sentences on single records."""
    ours = snapshot.own_records.values()
    failed = sorted(
        (member for member in ours if member.status is SyncStatus.ERROR),
        key=lambda member: str(member.last_known.last_sync),
        reverse=True,
    )
    stale = (
        member.config.name
        for member in ours
        if member.config.needs_loop
        and (member.config.fabric_id in plan.overdue or _is_stale(member, snapshot))
    )
    return FleetSummary(
        checked=snapshot.now,
        states=dict(sorted(Counter(str(member.status) for member in ours).items())),
        loops=len(snapshot.loops),
        elsewhere=sum(member.has_other_owner(snapshot.instance) for member in snapshot.records),
        stale=tuple(islice(stale, MAX_NAMED_ENTRIES)),
        failed=tuple(
            f"{member.config.name}: {compute_status_error(member.config, member.last_known)}"[
                :MAX_SENTENCE_CHARS
            ]
            for member in failed[:MAX_NAMED_ENTRIES]
        ),
        problems=tuple(
            sentence[:MAX_SENTENCE_CHARS]
            for sentence in islice(
                chain(_describe_id_problems(snapshot.records), problems), MAX_NAMED_ENTRIES
            )
        ),
    )


def render_fleet_details(summary: FleetSummary) -> str:
    """The summary in plain words, for the Temporal Web UI."""
    if summary.checked is None:
        lines = ["The fabrics have not been looked at yet."]
    else:
        counts = ", ".join(f"{count} {state}" for state, count in summary.states.items())
        lines = [
            f"**{sum(summary.states.values())} fabrics**: {counts or 'none yet'}.",
            f"- Loops that ran when they were last counted: {summary.loops}",
            f"- Last looked at: {summary.checked:%Y-%m-%d %H:%M:%S} UTC",
        ]
    if summary.elsewhere:
        lines.append(f"- Fabrics of other installations: {summary.elsewhere}")
    if summary.error:
        lines.append(f"- The last round changed nothing: {summary.error}")
    if summary.stale:
        lines.append(f"- Stale: {', '.join(summary.stale)}")
    lines += [f"- {sentence}" for sentence in (*summary.problems, *summary.failed)]
    return "\n".join(lines)


def _is_stale(record: FabricRecord, snapshot: FleetSnapshot) -> bool:
    return is_stale(
        status_from_record(record.config, record.last_known),
        snapshot.netbox_heartbeat,
        snapshot.now,
    )


def _describe_id_problems(records: Sequence[FabricRecord]) -> Iterable[str]:
    """A sentence on each record that cannot be told from another, or has no id at all."""
    names: dict[str, list[str]] = {}
    for member in records:
        config = member.config
        names.setdefault(config.fabric_id, []).append(f"{config.name} (id {config.record_id})")
        if config.has_invalid_id:
            yield f"{config.name}: {' '.join(config.problems)}"
    for fabric_id, same in sorted(names.items()):
        if fabric_id and len(same) > 1:
            yield f"{' and '.join(same)} have the same fabric id {fabric_id}: {DUPLICATE_ID_FIX}."
