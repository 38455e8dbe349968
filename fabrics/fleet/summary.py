"""What a round of the fleet tells people: how many fabrics are in which state, and what is wrong."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Final

from pydantic import BaseModel

from fabrics.fleet.overview import is_stale, recorded
from fabrics.fleet.reconcile import FleetSnapshot, Member, Plan
from fabrics.record.status import SyncStatus, status_error
from fabrics.record.status_fields import CLEAR_IT

NAMED: Final = 20
"""Fabrics or sentences that a summary names; what it counts, it counts in full."""

LONGEST: Final = 500
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
    def healthy(self) -> bool:
        """Whether the fleet is looked after. Single fabrics have a health of their own."""
        return not (self.error or self.problems)


def summarise_fleet(seen: FleetSnapshot, plan: Plan, problems: Iterable[str]) -> FleetSummary:
    """The summary of a round that carried out `plan`; `problems` are sentences on single records."""
    ours = seen.ours.values()
    failed = sorted(
        (member for member in ours if member.status is SyncStatus.ERROR),
        key=lambda member: str(member.facts.last_sync),
        reverse=True,
    )
    stale = (
        member.config.name
        for member in ours
        if member.config.wants_a_loop
        and (member.config.fabric_id in plan.overdue or _is_stale(member, seen))
    )
    return FleetSummary(
        checked=seen.now,
        states=dict(sorted(Counter(str(member.status) for member in ours).items())),
        loops=len(seen.loops),
        elsewhere=sum(member.is_elsewhere(seen.instance) for member in seen.members),
        stale=tuple(islice(stale, NAMED)),
        failed=tuple(
            f"{member.config.name}: {status_error(member.config, member.facts)}"[:LONGEST]
            for member in failed[:NAMED]
        ),
        problems=tuple(
            sentence[:LONGEST]
            for sentence in islice(chain(_unusable_ids(seen.members), problems), NAMED)
        ),
    )


def fleet_markdown(summary: FleetSummary) -> str:
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


def _is_stale(member: Member, seen: FleetSnapshot) -> bool:
    return is_stale(recorded(member.config, member.facts), seen.heartbeat, seen.now)


def _unusable_ids(members: Sequence[Member]) -> Iterable[str]:
    """A sentence on each record that cannot be told from another, or has no id at all."""
    names: dict[str, list[str]] = {}
    for member in members:
        config = member.config
        names.setdefault(config.fabric_id, []).append(f"{config.name} (id {config.record_id})")
        if config.unusable:
            yield f"{config.name}: {' '.join(config.problems)}"
    for fabric_id, same in sorted(names.items()):
        if fabric_id and len(same) > 1:
            yield f"{' and '.join(same)} have the same fabric id {fabric_id}: {CLEAR_IT}."
