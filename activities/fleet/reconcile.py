"""One round over all fabrics: compare records with loops and reconcile them.

A round reads one list from NetBox and one from Temporal, however many fabrics there are, and writes only where
the two disagree. A problem with one record is reported and does not affect the others. A failure that concerns
all of them ends the round; the next one does the rest.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from temporalio import activity
from temporalio.client import Client

from activities.errors import PermanentError
from activities.fleet.announcements import FleetAnnouncements
from activities.fleet.installation import get_instance
from activities.fleet.loops import FleetLoops
from activities.fleet.passes import FleetPasses
from activities.fleet.records import FleetRecords
from activities.netbox.client import NetBox
from fabrics.fleet.reconcile import FabricRecord, FleetSnapshot, OrphanedLoopsError
from fabrics.fleet.states import find_states
from fabrics.fleet.summary import FleetSummary, summarize_fleet
from fabrics.record.installation import is_same_instance
from telemetry.fabric_states import FABRIC_STATES

HINT_PAUSE_SECONDS: Final = 3
"""Hints may come all the time, as from a script that edits records, and each round reads all of NetBox's."""


SHOWN_ROUNDS: Final = 3
"""For as many rounds metrics show what one has found: another worker may make the next ones."""

MIN_SHOWN_SECONDS: Final = 90
"""Metrics are usually read once in 15 to 60 s, however short rounds are."""


class RoundRequest(BaseModel, frozen=True):
    """What earlier rounds have left.

    `releases` are those of the workers that made them, `announced` identifies what targets of notifications know.
    """

    releases: tuple[str, ...] = ()
    announced: str = ""


class RoundResult(BaseModel, frozen=True):
    """The result of a round, and settings of the worker that made it.

    `release` is the version of its rules, `interval` the number of seconds until the next round. After a round that
    a hint has caused, further hints wait for `hint_pause` seconds; older histories have no such pause. `announced` is
    for the request of the next round.
    """

    release: str
    interval: int
    hint_pause: int = 0
    summary: FleetSummary
    announced: str = ""


@dataclass(frozen=True)
class FleetActivities:
    """The fleet's activity. `instance` names this installation, as in `hh_instance`.

    `task_queue` is that of the loops, `netbox_heartbeat` the seconds after which a record is written though
    nothing changed, `interval` the seconds between rounds, `release` the version of this worker's rules,
    `notifications_file` the file of targets, if there are any.
    """

    netbox: NetBox
    client: Client
    task_queue: str
    instance: str
    netbox_heartbeat: int
    interval: int
    release: str
    notifications_file: Path | None = None

    @activity.defn
    async def reconcile(self, request: RoundRequest) -> RoundResult:
        """Start missing loops, signal outdated ones, and write statuses without a loop.

        Raises `TransientError` or `PermanentError` if records or loops cannot be listed reliably, or if this is no
        longer the worker's namespace.
        """
        await self._check_instance()
        records = FleetRecords(self.netbox, self.instance)
        loops = FleetLoops(self.client, self.netbox, self.task_queue, self.instance)
        started = datetime.now(UTC)  # the round may miss what changes from now on
        # Listed before the loops: a loop that starts meanwhile must not seem to be missing.
        passes = await FleetPasses.load(self.client)
        running = await loops.list_running()
        rows, id_problems = await asyncio.to_thread(records.load)
        snapshot = FleetSnapshot(
            records=tuple(map(FabricRecord.from_record, rows)),
            loops=running,
            inventories=passes.fabric_ids,
            instance=self.instance,
            netbox_heartbeat=self.netbox_heartbeat,
            now=started,
        )
        is_new_release = bool(request.releases) and self.release not in request.releases
        try:
            plan = snapshot.plan(is_new_release=is_new_release)
        except OrphanedLoopsError as error:
            raise PermanentError(str(error)) from None
        if snapshot.orphaned_loops:
            await asyncio.to_thread(self.netbox.check_all_records_visible)
        loop_problems = await loops.signal(plan, {loop.fabric_id for loop in running})
        await passes.cancel(plan.inventories_to_cancel)
        pass_problems = await passes.end_stuck()
        to_update = [row for row in rows if row["id"] in plan.records_to_update]
        status_problems = await asyncio.to_thread(records.write_statuses, to_update)
        announcements = FleetAnnouncements(self.client, self.task_queue, self.notifications_file)
        states = find_states(snapshot, plan, self.interval)
        announced, target_problems = await announcements.announce(states, request.announced)
        problems = [
            *id_problems,
            *loop_problems,
            *pass_problems,
            *status_problems,
            *target_problems,
        ]
        summary = summarize_fleet(snapshot, plan, problems)
        lifetime = max(SHOWN_ROUNDS * self.interval, MIN_SHOWN_SECONDS)
        await asyncio.to_thread(
            FABRIC_STATES.publish, snapshot, plan, len(summary.problems), lifetime
        )
        return RoundResult(
            release=self.release,
            interval=self.interval,
            hint_pause=HINT_PAUSE_SECONDS,
            summary=summary,
            announced=announced,
        )

    async def _check_instance(self) -> None:
        """Raise `PermanentError` if this is not the namespace of the worker's start.

        A worker stays connected while another namespace of that name takes the place of its own. It would start all
        loops there, for an installation that ends with it.
        """
        current = await get_instance(self.client)
        if not is_same_instance(current, self.instance):
            raise PermanentError(
                f"The namespace {self.client.namespace} of Temporal is another one than when this worker started"
                f" ({self.instance} then, {current} now), so nothing was changed: restart all workers."
            )
