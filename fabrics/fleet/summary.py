"""The summary of a fleet round: the states of fabrics, and problems."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Final

from pydantic import BaseModel

from fabrics.drift.sentences import shorten
from fabrics.fleet.overview import is_stale
from fabrics.fleet.reconcile import FabricRecord, FleetPlan, FleetSnapshot
from fabrics.loop.inventory_text import find_record_state
from fabrics.loop.report import FabricStatus
from fabrics.record.installation import describe_other_owners
from fabrics.record.status_fields import DUPLICATE_ID_FIX
from fabrics.record.sync_status import InventoryState, SyncStatus, compute_status_error
from fabrics.times import format_time

MAX_NAMED_ENTRIES: Final = 20
"""How many fabrics or sentences a summary lists; its counts are complete."""

MAX_NAMED_OWNERS: Final = 5
"""How many other installations a summary names; those with most fabrics."""

MAX_SENTENCE_CHARS: Final = 500


class FleetSummary(BaseModel, frozen=True):
    """The state of the fleet as of the last round.

    `states` counts the fabrics of this installation, `elsewhere` those of others; `owners` has a sentence on each
    of these installations. `stale` lists fabrics that should sync and do not. `failed` has a sentence on each
    fabric whose last sync failed, and one on each inventory that failed, the latest first; `problems` has one on
    each record that could not be processed.
    `error` says why the latest round changed nothing; all else is then from the round that began at `checked`.
    """

    checked: datetime | None = None
    states: dict[str, int] = {}
    loops: int = 0
    elsewhere: int = 0
    owners: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_healthy(self) -> bool:
        """True if rounds work and all records were processed; fabrics may be unhealthy."""
        return not (self.error or self.problems)


def summarize_fleet(
    snapshot: FleetSnapshot, plan: FleetPlan, problems: Iterable[str]
) -> FleetSummary:
    """Summarize a round that carried out `plan`; `problems` are about single records."""
    own = snapshot.own_records.values()
    owners = [r.instance for r in snapshot.records if r.has_other_owner(snapshot.instance)]
    latest_first = sorted(own, key=lambda record: str(record.last_known.last_sync), reverse=True)
    return FleetSummary(
        checked=snapshot.now,
        states=dict(sorted(Counter(str(record.status) for record in own).items())),
        loops=len(snapshot.loops),
        elsewhere=len(owners),
        owners=_shorten(describe_other_owners(owners)[:MAX_NAMED_OWNERS]),
        stale=tuple(
            record.config.name for record in list_stale(snapshot, plan)[:MAX_NAMED_ENTRIES]
        ),
        failed=_shorten(chain.from_iterable(map(_describe_failures, latest_first))),
        problems=_shorten(chain(_describe_id_problems(snapshot.records), problems)),
    )


def list_stale(snapshot: FleetSnapshot, plan: FleetPlan) -> list[FabricRecord]:
    """List the fabrics of this installation that should sync and do not."""
    return [
        record
        for record in snapshot.own_records.values()
        if record.config.needs_loop
        and (record.config.fabric_id in plan.overdue or _is_stale(record, snapshot))
    ]


def render_fleet_details(summary: FleetSummary) -> str:
    """Return the summary in markdown, for the Temporal Web UI."""
    if summary.checked is None:
        lines = ["The fabrics have not been checked yet."]
    else:
        counts = ", ".join(f"{count} {state}" for state, count in summary.states.items())
        lines = [
            f"**{sum(summary.states.values())} fabrics**: {counts or 'none yet'}.",
            f"- Running loops: {summary.loops}",
            f"- Last checked: {format_time(summary.checked)}",
        ]
    if summary.error:
        lines.append(f"- The last round changed nothing: {summary.error}")
    if summary.stale:
        lines.append(f"- Stale: {', '.join(summary.stale)}")
    sentences = (*summary.owners, *summary.problems, *summary.failed)
    lines += [f"- {sentence}" for sentence in sentences]
    return "\n".join(lines)


def _is_stale(record: FabricRecord, snapshot: FleetSnapshot) -> bool:
    status = FabricStatus.from_record(record.config, record.last_known)
    return is_stale(status, snapshot.netbox_heartbeat, snapshot.now)


def _describe_failures(record: FabricRecord) -> Iterable[str]:
    """Yield a sentence on the last sync and one on the inventory, each if it failed."""
    config, last_known = record.config, record.last_known
    if record.status is SyncStatus.ERROR:
        yield f"{config.name}: {compute_status_error(config, last_known)}"
    if find_record_state(config, last_known) is InventoryState.FAILED:
        yield f"{config.name}: {last_known.inventory_text}"


def _shorten(sentences: Iterable[str]) -> tuple[str, ...]:
    return tuple(
        shorten(sentence, MAX_SENTENCE_CHARS) for sentence in islice(sentences, MAX_NAMED_ENTRIES)
    )


def _describe_id_problems(records: Sequence[FabricRecord]) -> Iterable[str]:
    """Yield a sentence on each fabric id that is unusable or used by several records."""
    names: dict[str, list[str]] = {}
    for record in records:
        config = record.config
        names.setdefault(config.fabric_id, []).append(f"{config.name} (id {config.record_id})")
        if config.has_invalid_id:
            yield f"{config.name}: {' '.join(config.problems)}"
    for fabric_id, duplicates in sorted(names.items()):
        if fabric_id and len(duplicates) > 1:
            named = " and ".join(duplicates)
            yield f"{named} have the same fabric id {fabric_id}: {DUPLICATE_ID_FIX}."
